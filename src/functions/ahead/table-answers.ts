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
import { type LoadAhead, type RowsAhead, selectAhead } from './rows-ahead';

/** Has a row for each answered partition: the columns of the query, and `__partwise_ord`. */
export const ANSWERS = '__partwise_answers';

export class TableAnswers {
  private readonly chunks = new Chunks();
  private statement: GroupedStatement | null = null;
  private isImpossible = false;
  /** The partitions that were asked, of which those in `answered` have an answer. */
  private asked: ReadonlySet<number> = new Set();
  private answered: ReadonlySet<number> = new Set();
  private connection: Promise<DuckDBConnection> | null = null;

  constructor(
    private readonly sql: string,
    /** The source's. */
    private readonly columns: readonly Column[],
    private readonly keyColumns: readonly Column[],
    private readonly session: SqlSession,
    private readonly load: LoadAhead,
  ) {}

  has(ordinal: number): boolean {
    return this.answered.has(ordinal) && this.connection === this.session.opened;
  }

  wants(ordinal: number): boolean {
    if (this.isImpossible || this.chunks.areFutile) return false;
    return !this.asked.has(ordinal) || this.connection !== this.session.opened;
  }

  /** Asks a partition and the ones after it. `expected` are the columns of the query for one partition. */
  async ask(ordinal: number, expected: readonly Column[]): Promise<void> {
    this.asked = new Set([ordinal]);
    this.answered = new Set();
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
      await connection.run(`CREATE OR REPLACE TEMP TABLE ${ANSWERS} AS ${statement.many}`);
      if (statement.single !== null) await addEmpty(connection, rows, some, statement.single);
      return this.answersOf(connection, expected);
    });
    this.asked = new Set(chunk);
    this.answered = new Set(answer ?? []);
  }

  /** The partitions whose answers are those that they get alone. */
  private async answersOf(connection: DuckDBConnection, expected: readonly Column[]): Promise<number[]> {
    const head = await connection.run(`SELECT * EXCLUDE (${ORDINAL}) FROM ${ANSWERS} LIMIT 0`);
    this.isImpossible = JSON.stringify(columnsOf(shapeOf(head, 0))) !== JSON.stringify(expected);
    if (this.isImpossible) return [];
    const names = new Map(expected.map(({ name }) => [name.toLowerCase(), name]));
    // A partition that returns another key fails, with a message about its own values.
    const otherKeys = this.keyColumns.flatMap(({ name }, i) => {
      const selected = names.get(name.toLowerCase());
      return selected === undefined ? [] : [`answers.${identifier(selected)} IS DISTINCT FROM keys.key_${i}`];
    });
    const from =
      otherKeys.length === 0
        ? ANSWERS
        : `${ANSWERS} AS answers JOIN ${KEYS_TABLE} AS keys ON keys.ord = answers.${ORDINAL} WHERE NOT (${otherKeys.join(' OR ')})`;
    return ordinalsIn(connection, from);
  }
}

/** Adds the answer of the partitions of which the statement selects no rows. */
async function addEmpty(
  connection: DuckDBConnection,
  rows: RowsAhead,
  ordinals: readonly number[],
  single: string,
): Promise<void> {
  const found = new Set(await ordinalsIn(connection, ANSWERS));
  const missing = ordinals.filter((ordinal) => !found.has(ordinal));
  if (missing.length === 0) return;
  await selectAhead(connection, rows, missing.slice(0, 1));
  await connection.run(
    `INSERT INTO ${ANSWERS} SELECT answer.*, t.ord FROM (${single}) AS answer, unnest([${missing.join(', ')}]) AS t(ord)`,
  );
}

async function ordinalsIn(connection: DuckDBConnection, from: string): Promise<number[]> {
  const found = await allRows(await connection.run(`SELECT ${ORDINAL} AS ordinal FROM ${from}`));
  return found.map(({ ordinal }) => ordinal as number);
}
