/**
 * Answers to `data.sql` for partitions that have not been called yet. Nothing says beforehand what a function
 * will ask, so a query that some partitions in a row have asked, with equal values, is asked for the
 * following ones before they are called. A partition that asks anything else gets its answer as if there were
 * none.
 */
import { type DuckDBConnection, type DuckDBResult, DuckDBTimestampValue } from '@duckdb/node-api';
import type { Column } from '../../core/plan';
import type { Row } from '../../core/row';
import type { Parameter } from '../../duckdb/values';
import { addRows, columnsOf, type Shape, type Slice } from '../../rows/slices';
import { Chunks } from './chunks';
import { type GroupedStatement, groupedStatement } from './grouped-statement';
import { readAnswers } from './read-answers';
import { type LoadAhead, selectAhead } from './rows-ahead';

/** So many partitions in a row must have asked a query. */
const STEADY = 2;
/** A function that asks more queries than this gets answers ahead only for the first ones. */
const MAX_QUERIES = 16;

export interface Question {
  text: string;
  parameters: readonly Parameter[];
}

export interface Answer {
  rows: Row[];
  columns: Column[];
}

/** Runs a statement with the parameters of a question. */
type Ask = (connection: DuckDBConnection, question: Question) => Promise<DuckDBResult>;

interface Query {
  question: Question;
  /** Of the answer that a partition got alone. */
  columns: readonly Column[];
  /** Whether the running partition has asked it. */
  isAsked: boolean;
  /** Whether it has got an answer that was there before. */
  isServed: boolean;
  /** How many partitions in a row have asked it. */
  streak: number;
  chunks: Chunks;
  /** Null if each partition must be asked by itself. */
  statement: GroupedStatement | null | undefined;
  ahead: Answers | null;
}

interface Answers {
  /** The partitions that were asked, of which those in `slices` have an answer. */
  asked: ReadonlySet<number>;
  slices: ReadonlyMap<number, readonly Slice[]>;
  shape: Shape;
  /** How many of these partitions have ended, and how many of them have used their answer. */
  ended: number;
  used: number;
}

export class QueryAnswers {
  private readonly queries = new Map<string, Query>();
  private ordinal: number | null = null;
  private isFutile = false;

  constructor(
    /** The source's. */
    private readonly columns: readonly Column[],
    private readonly load: LoadAhead,
    private readonly ask: Ask,
  ) {}

  /** A partition is called. */
  begin(ordinal: number): void {
    this.ordinal = ordinal;
    for (const query of this.queries.values()) query.isAsked = query.isServed = false;
  }

  /** The partition has ended. `isClean`: its statements left nothing behind. */
  end(isClean: boolean): void {
    // The database is closed after such a partition, and with it, the rows that were loaded.
    if (!isClean) this.isFutile = true;
    for (const [key, query] of this.queries) {
      const { isAsked, isServed, ahead } = query;
      query.streak = isAsked ? query.streak + 1 : 0;
      if (ahead !== null) {
        ahead.ended++;
        if (isServed) ahead.used++;
      } else if (!isAsked && query.statement === undefined) this.queries.delete(key);
    }
    this.ordinal = null;
  }

  /** The running partition's answer, if there is one. */
  take(question: Question): Answer | null {
    if (this.ordinal === null) return null;
    const query = this.queries.get(keyOf(question) ?? '');
    const slices = query?.ahead?.slices.get(this.ordinal);
    if (slices === undefined) return null;
    query!.isAsked = query!.isServed = true;
    const { shape } = query!.ahead!;
    const rows: Row[] = [];
    for (const slice of slices) addRows(slice, shape, rows);
    return { rows, columns: columnsOf(shape) };
  }

  /** The running partition got an answer by itself. */
  note(question: Question, columns: readonly Column[]): void {
    const key = this.ordinal === null || this.isFutile ? null : keyOf(question);
    if (key === null) return;
    const known = this.queries.get(key);
    if (known !== undefined) known.isAsked = true;
    else if (this.queries.size < MAX_QUERIES) {
      const none = { isServed: false, streak: 0, statement: undefined, ahead: null };
      this.queries.set(key, { question, columns, isAsked: true, chunks: new Chunks(), ...none });
    }
  }

  /** Whether `lookAhead` should be called before this partition is. */
  wants(ordinal: number): boolean {
    if (this.isFutile) return false;
    for (const query of this.queries.values()) if (isWanted(query, ordinal)) return true;
    return false;
  }

  /** Asks the steady queries for a partition and the ones after it. */
  async lookAhead(connection: DuckDBConnection, ordinal: number): Promise<void> {
    for (const query of this.queries.values()) {
      if (!isWanted(query, ordinal)) continue;
      const { ahead } = query;
      // It costs more than it gains.
      if (ahead !== null && 2 * ahead.used < ahead.ended) query.statement = null;
      else await this.askAhead(connection, query, ordinal);
    }
  }

  private async askAhead(connection: DuckDBConnection, query: Query, ordinal: number): Promise<void> {
    query.ahead = null;
    const rows = await this.load(connection, ordinal);
    if (rows === null || rows.ordinals.length < 2) {
      query.streak = 0;
      return;
    }
    if (query.statement === undefined) {
      await connection.run(
        `CREATE OR REPLACE TEMP VIEW data AS SELECT * EXCLUDE (__partwise_ord) FROM ${rows.table}`,
      );
      query.statement = await groupedStatement(connection, query.question.text, this.columns);
    }
    const { statement, question, columns } = query;
    if (statement === null) return;
    const { chunk, answer } = await query.chunks.ask(connection, rows.ordinals, async (some) => {
      await selectAhead(connection, rows, some);
      const many = await this.ask(connection, { ...question, text: statement.many });
      const answers = await readAnswers(many, statement, columns);
      const missing = answers === null ? [] : some.filter((each) => !answers.slices.has(each));
      if (statement.single === null || missing.length === 0) return answers;
      await selectAhead(connection, rows, missing.slice(0, 1));
      const result = await this.ask(connection, { ...question, text: statement.single });
      const chunk = await result.fetchChunk();
      for (const each of missing) answers!.slices.set(each, [{ chunk: chunk!, from: 0, to: 1 }]);
      return answers;
    });
    const { shape = NO_SHAPE, slices = new Map<number, Slice[]>() } = answer ?? {};
    query.ahead = { asked: new Set(chunk), slices, shape, ended: 0, used: 0 };
  }
}

const NO_SHAPE: Shape = { names: [], types: [], readers: [], offset: 0 };

function isWanted({ statement, streak, chunks, ahead }: Query, ordinal: number): boolean {
  if (statement === null || chunks.areFutile || ahead?.asked.has(ordinal) === true) return false;
  return ahead !== null || streak >= STEADY;
}

/** Equal for questions that bind equal values; null if values are not compared. */
function keyOf({ text, parameters }: Question): string | null {
  const values: string[] = [text];
  for (const { value, type } of parameters) {
    const isTime = value instanceof DuckDBTimestampValue;
    if (typeof value === 'object' && value !== null && !isTime) return null;
    values.push(`${String(type)} ${String(isTime ? value.micros : value)}`);
  }
  return JSON.stringify(values);
}
