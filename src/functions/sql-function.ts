/** The built-in function `sql`: one query, run over each partition, whose rows keep DuckDB's types. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { selectProblem, withoutEnd } from '../duckdb/input-sql';
import type { Column } from '../core/plan';
import type { UntilRoom } from '../files/full-disk';
import { copyWithKeys, KEYS_TABLE } from '../rows/output-file';
import { type PartitionRows } from '../rows/partition-rows';
import { identifier } from '../duckdb/quote';
import { addRows, allRows, columnsOf, shapeOf } from '../rows/slices';
import { asSqlError, SqlError } from '../duckdb/sql-error';
import { typeProblem } from '../rows/storable';
import type { TableAnswers } from './ahead/table-answers';
import { amongOrdinals } from './ahead/rows-ahead';
import type { SqlSession } from './sql-session';
import { type Written, writeOrRefuse } from '../rows/written-alone';
import type { Row } from '../core/row';
import { InvalidResult } from '../rows/invalid-result';

const RESULT = '__partwise_result';

/** One partition's result, which is in DuckDB until `keep` adds it to the others. */
export interface SqlResult {
  rows: number;
  first: Row | null;
  columns: Column[];
}

export class SqlFunction {
  private columns: Column[] | null = null;
  private checked = false;
  private hasPending = false;
  private written = 0;
  /** Ordinals of the partitions with kept rows. */
  private kept: number[] = [];
  /** Those of them whose rows are still in the table of answers. */
  private answered: number[] = [];
  /** Number of rows that are kept but not yet written. */
  rows = 0;
  /** The columns of the query's result, including key columns, and without them. */
  private described: { all: Column[]; columns: Column[] } | null = null;

  constructor(
    private readonly sql: string,
    private readonly keyColumns: readonly Column[],
    private readonly session: SqlSession,
    /** Creates the table of keys on a connection. */
    private readonly loadKeys: (connection: DuckDBConnection) => Promise<void>,
    /** Answers of partitions that are called later; null: each is asked by itself. */
    private readonly ahead: TableAnswers | null = null,
  ) {}

  /** Whether `lookAhead` should be called before this partition is. */
  wantsAhead(ordinal: number): boolean {
    return this.described !== null && this.ahead?.wants(ordinal) === true;
  }

  /** Asks a partition and the ones after it at once, where each gets the answer that it gets alone. */
  async lookAhead(ordinal: number): Promise<void> {
    await this.takeAnswers();
    try {
      await this.session.track(() => this.ahead!.ask(ordinal, this.described!.all));
    } catch {
      // What was wrong is reported by the call of the partition, which then asks by itself.
    }
  }

  /** Runs the query over one partition. */
  async run(ordinal: number, rows: PartitionRows): Promise<SqlResult> {
    const ahead = this.ahead?.rowsOf(ordinal) ?? null;
    if (ahead !== null) return { rows: ahead, first: null, columns: this.described!.columns };
    try {
      const connection = await this.session.connectTo(rows);
      if (!this.checked) {
        await checkQuery(connection, this.sql);
        await this.loadKeys(connection);
        this.checked = true;
      }
      return await this.session.track(() => this.evaluate(connection, ordinal));
    } catch (error) {
      throw asSqlError(error);
    }
  }

  /**
   * Keeps the last result for writing. Returns false if its columns differ from those already kept, which
   * must be written first.
   */
  async keep(ordinal: number, result: SqlResult): Promise<boolean> {
    if (result.rows === 0) return true;
    if (this.columns !== null && JSON.stringify(this.columns) !== JSON.stringify(result.columns))
      return false;
    if (this.ahead !== null && this.ahead.rowsOf(ordinal) !== null) this.answered.push(ordinal);
    else await this.insert(result.columns, `${ordinal}::INTEGER AS __partwise_ord`, RESULT);
    this.columns = result.columns;
    this.kept.push(ordinal);
    this.rows += result.rows;
    return true;
  }

  /** Adds the kept answers to the pending rows. */
  private async takeAnswers(): Promise<void> {
    const { answered } = this;
    this.answered = [];
    if (answered.length === 0) return;
    await this.insert(
      this.columns!,
      '__partwise_ord',
      `${this.ahead!.from} WHERE ${amongOrdinals(answered)}`,
    );
  }

  private async insert(columns: readonly Column[], ordinal: string, from: string): Promise<void> {
    const connection = await this.session.connected();
    const values = columns.map(({ name }) => `, ${identifier(name)}`);
    const target = this.pending();
    const into = this.hasPending ? `INSERT INTO ${target}` : `CREATE TEMP TABLE ${target} AS`;
    await connection.run(`${into} SELECT ${ordinal}, __partwise_row${values.join('')} FROM ${from}`);
    this.hasPending = true;
  }

  /** Writes everything kept to `file` and clears it. If all rows are refused, no file is written. */
  async write(file: string, untilRoom: UntilRoom): Promise<Written> {
    await this.takeAnswers();
    const columns = this.columns ?? [];
    const source = this.pending();
    const { kept } = this;
    this.written++;
    this.hasPending = false;
    this.columns = null;
    this.kept = [];
    this.rows = 0;
    const connection = await this.session.connected();
    const written = await writeOrRefuse(kept, (some) => {
      const rows = some === kept ? source : `(FROM ${source} WHERE __partwise_ord IN (${some.join(', ')}))`;
      const copy = {
        rows: `${rows} AS pending`,
        ord: 'pending.__partwise_ord',
        row: 'pending.__partwise_row',
        selected: columns.map(({ name, type }) => ({ name, value: `pending.${identifier(name)}`, type })),
        keyColumns: this.keyColumns,
        columns: columns.map(({ name }) => name),
        file,
      };
      return untilRoom(() => copyWithKeys(connection, copy));
    });
    await connection.run(`DROP TABLE ${source}`);
    return written;
  }

  private pending(): string {
    return `__partwise_pending_${this.written}`;
  }

  private async evaluate(connection: DuckDBConnection, ordinal: number): Promise<SqlResult> {
    const sql = resultTableSql(this.sql);
    const made = await this.session.refusingWrong(connection, { sql }, () => connection.run(sql));
    const [[count]] = (await made.getRows()) as [[bigint]];
    const head = await connection.run(`SELECT * FROM ${RESULT} LIMIT 1`);
    const shape = shapeOf(head, 1, 'exact');
    const described = columnsOf(shape);
    const columns = await this.withoutKeys(connection, ordinal, described);
    // Writing the rows would fail this partition too, but later and without a way out in the message.
    assertStorable(columns);
    this.described = { all: described, columns };
    const chunk = await head.fetchChunk();
    const first: Row[] = [];
    if (count > 0n) addRows({ chunk: chunk!, from: 0, to: 1 }, shape, first);
    return { rows: Number(count), first: first[0] ?? null, columns };
  }

  /** Key columns are added automatically; selected ones must have this partition's values. */
  private async withoutKeys(
    connection: DuckDBConnection,
    ordinal: number,
    columns: Column[],
  ): Promise<Column[]> {
    const keys = new Map(this.keyColumns.map(({ name }, i) => [name.toLowerCase(), i]));
    const selected = columns.filter(({ name }) => keys.has(name.toLowerCase()));
    for (const { name } of selected) {
      const key = `(SELECT key_${keys.get(name.toLowerCase())} FROM ${KEYS_TABLE} WHERE ord = ${ordinal})`;
      const other = await connection.run(
        `SELECT ${identifier(name)}::VARCHAR AS found, ${key}::VARCHAR AS key FROM ${RESULT} WHERE ${identifier(name)} IS DISTINCT FROM ${key} LIMIT 1`,
      );
      const [row] = await allRows(other);
      if (row !== undefined) {
        throw new InvalidResult(
          `The query returns ${name} = ${String(row.found)} in the partition where ${name} is ${String(row.key)}. ` +
            `Key columns are added automatically: leave "${name}" out, or rename it.`,
        );
      }
    }
    return columns.filter((column) => !selected.includes(column));
  }
}

/** Throws `InvalidResult` for types that Parquet cannot store. */
function assertStorable(columns: readonly Column[]): void {
  for (const { name, type } of columns) {
    const problem = typeProblem(type);
    if (problem !== null)
      throw new InvalidResult(
        `The column "${name}" ${problem}. Cast it in the query: ${identifier(name)}::VARCHAR.`,
      );
  }
}

/** The statement that stores the query's result for one partition. */
export function resultTableSql(sql: string): string {
  return `CREATE OR REPLACE TEMP TABLE ${RESULT} AS SELECT row_number() OVER () - 1 AS __partwise_row, * FROM (${withoutEnd(sql)}\n)`;
}

/** Throws unless it is one SELECT that DuckDB can plan on this connection. */
export async function checkQuery(connection: DuckDBConnection, sql: string): Promise<void> {
  const problem = await selectProblem(connection, sql);
  // Worded like DuckDB's other errors.
  if (problem?.startsWith('Parser Error: ') === true) throw new Error(problem);
  if (problem !== null) {
    throw new SqlError(
      'Syntax',
      `The function "sql" takes one SELECT over data, for example: SELECT count(*) AS n FROM data. ${problem}`,
    );
  }
  const prepared = await connection.prepare(sql);
  const parameters = prepared.parameterCount;
  prepared.destroySync();
  if (parameters > 0)
    throw new SqlError(
      'Syntax',
      'The query has parameters, but nothing binds them: write the values into the query.',
    );
}
