import { KeptDatabase } from '../../duckdb/database';

/** Of the process: they outlive its units. */
export class UnitDatabases {
  /** Reads and writes rows. */
  readonly rows = new KeptDatabase();
  /** For what functions ask with `data.sql`: apart from the other, which they must not harm. */
  readonly sql = new KeptDatabase();
  /** For SQL of inputs that are not trusted. */
  readonly input = new KeptDatabase();

  close(): void {
    this.rows.close();
    this.sql.close();
    this.input.close();
  }
}
