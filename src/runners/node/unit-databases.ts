import { KeptDatabase } from '../../duckdb/database';

/** The databases of the process, which outlive its units. */
export class UnitDatabases {
  /** Reads and writes rows. */
  readonly rows = new KeptDatabase();
  /** Runs `data.sql` of functions, separately so that they cannot affect the other. */
  readonly sql = new KeptDatabase();
  /** Runs SQL of untrusted inputs. */
  readonly input = new KeptDatabase();

  close(): void {
    this.rows.close();
    this.sql.close();
    this.input.close();
  }
}
