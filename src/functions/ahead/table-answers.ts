/** Answers of the function `sql` for partitions that have not been called yet, as a table in DuckDB. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../../core/plan';
import { identifier } from '../../duckdb/quote';
import { KEYS_TABLE } from '../../rows/output-file';
import { allRows, columnsOf, shapeOf } from '../../rows/slices';
import { withoutEnd } from '../../duckdb/input-sql';
import type { SqlSession } from '../sql-session';
import { Chunks } from './chunks';
import { type GroupedStatement, groupedStatement } from './grouped-statement';
import { ORDINAL } from './grouped-tree';
import { UNDECIDED } from './row-order';
import { type LoadAhead, type RowsAhead, selectAhead } from './rows-ahead';

/** Has the rows of a grouped statement, numbered in its order as those of one partition are. */
const ANSWERS = '__partwise_answers';
const NUMBER = '__partwise_number';

export class TableAnswers {
  private readonly chunks = new Chunks();
  private statement: GroupedStatement | null = null;
  private isImpossible = false;
  /** The partitions that were asked, of which those in `answered` have an answer, of so many rows. */
  private asked: ReadonlySet<number> = new Set();
  private answered: ReadonlyMap<number, number> = new Map();
  private connection: Promise<DuckDBConnection> | null = null;

  constructor(
    private readonly sql: string,
    /** The source's. */
    private readonly columns: readonly Column[],
    private readonly keyColumns: readonly Column[],
    private readonly session: SqlSession,
    private readonly load: LoadAhead,
  ) {}

  /** How many rows the answer of a partition has; null if there is no answer. */
  rowsOf(ordinal: number): number | null {
    return this.connection === this.session.opened ? (this.answered.get(ordinal) ?? null) : null;
  }

  /** Rows of answers for FROM: the columns of the query, `__partwise_ord` and `__partwise_row`. */
  get from(): string {
    const { offset, count } = this.statement?.limit ?? { offset: 0, count: null };
    const row = `row_number() OVER (PARTITION BY ${ORDINAL} ORDER BY ${NUMBER}) - 1 - ${offset}`;
    const end = count === null ? '' : ` AND __partwise_row < ${count}`;
    return `(SELECT *, ${row} AS __partwise_row FROM ${ANSWERS} QUALIFY __partwise_row >= 0${end})`;
  }

  wants(ordinal: number): boolean {
    if (this.isImpossible || this.chunks.areFutile) return false;
    return !this.asked.has(ordinal) || this.connection !== this.session.opened;
  }

  /** Asks a partition and the ones after it. `expected` are the columns of the query for one partition. */
  async ask(ordinal: number, expected: readonly Column[]): Promise<void> {
    this.asked = new Set([ordinal]);
    this.answered = new Map();
    const connection = await this.session.connected();
    this.connection = this.session.opened;
    this.statement ??= await groupedStatement(connection, withoutEnd(this.sql), this.columns);
    this.isImpossible = this.statement === null;
    if (this.statement === null) return;
    const statement = this.statement;
    const rows = await this.load(connection, ordinal);
    if (rows === null || rows.ordinals.length < 2) return;
    const { chunk, answer } = await this.chunks.ask(connection, rows.ordinals, async (some) => {
      await selectAhead(connection, rows, some);
      const numbered = `SELECT row_number() OVER () AS ${NUMBER}, * FROM (${statement.many})`;
      await connection.run(`CREATE OR REPLACE TEMP TABLE ${ANSWERS} AS ${numbered}`);
      if (statement.single !== null) await addEmpty(connection, rows, some, statement.single);
      return this.answersOf(connection, expected);
    });
    this.asked = new Set(chunk);
    this.answered = answer ?? new Map();
  }

  /** The partitions whose answers are those that they get alone, with the number of rows. */
  private async answersOf(
    connection: DuckDBConnection,
    expected: readonly Column[],
  ): Promise<Map<number, number>> {
    const { hasUndecided } = this.statement!;
    const ours = [NUMBER, ORDINAL, ...(hasUndecided ? [UNDECIDED] : [])].join(', ');
    const head = await connection.run(`SELECT * EXCLUDE (${ours}) FROM ${ANSWERS} LIMIT 0`);
    this.isImpossible = JSON.stringify(columnsOf(shapeOf(head, 0))) !== JSON.stringify(expected);
    if (this.isImpossible) return new Map();
    const names = new Map(expected.map(({ name }) => [name.toLowerCase(), name]));
    // A partition that returns another key fails, with a message about its own values.
    const otherKeys = this.keyColumns.flatMap(({ name }, i) => {
      const selected = names.get(name.toLowerCase());
      return selected === undefined ? [] : [`answers.${identifier(selected)} IS DISTINCT FROM keys.key_${i}`];
    });
    const keys = otherKeys.length === 0 ? '' : ` JOIN ${KEYS_TABLE} AS keys ON keys.ord = answers.${ORDINAL}`;
    const alone = [...otherKeys, ...(hasUndecided ? [UNDECIDED] : [])];
    const having = alone.length === 0 ? '' : ` HAVING bool_or(${alone.join(' OR ')}) IS NOT TRUE`;
    const found = await allRows(
      await connection.run(
        `SELECT answers.${ORDINAL} AS ordinal, count(*)::INTEGER AS rows FROM ${this.from} AS answers${keys} GROUP BY ALL${having}`,
      ),
    );
    return new Map(found.map(({ ordinal, rows }) => [ordinal as number, rows as number]));
  }
}

/** Adds the answer of the partitions of which the statement selects no rows. */
async function addEmpty(
  connection: DuckDBConnection,
  rows: RowsAhead,
  ordinals: readonly number[],
  single: string,
): Promise<void> {
  const found = await allRows(await connection.run(`SELECT ${ORDINAL} AS ordinal FROM ${ANSWERS}`));
  const answered = new Set(found.map(({ ordinal }) => ordinal));
  const missing = ordinals.filter((ordinal) => !answered.has(ordinal));
  if (missing.length === 0) return;
  await selectAhead(connection, rows, missing.slice(0, 1));
  await connection.run(
    `INSERT INTO ${ANSWERS} SELECT 0, answer.*, t.ord FROM (${single}) AS answer, unnest([${missing.join(', ')}]) AS t(ord)`,
  );
}
