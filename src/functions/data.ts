/** `data`, the first argument of a partition function. */
import { setOwn, type Row } from '../core/row';
import type { PartitionRows } from '../rows/partition-rows';
import { heldOutSql } from './held-out';
import { addRows, readColumn, type Shape, type Slice } from '../rows/slices';
import { SeenTypes } from '../rows/seen-types';
import { SomeRows } from './some-rows';
import type { SqlSession } from './sql-session';
import type { PartitionData } from './types';
import { SPLIT_DATA, type SplitData } from './model-hooks';

/**
 * `seen` learns the types of the columns that the function queries. `conditions` is the session for
 * conditions of the input, if not that of the function's own queries.
 */
export function createPartitionData(
  rows: PartitionRows,
  sql: SqlSession,
  seen: SeenTypes = new SeenTypes(rows.columns),
  conditions: SqlSession = sql,
): PartitionData {
  return new Data(rows, sql, seen, conditions);
}

class Data implements PartitionData {
  readonly #rows: PartitionRows;
  readonly #sql: SqlSession;
  readonly #seen: SeenTypes;
  readonly #conditions: SqlSession;

  constructor(rows: PartitionRows, sql: SqlSession, seen: SeenTypes, conditions: SqlSession) {
    this.#rows = rows;
    this.#sql = sql;
    this.#seen = seen;
    this.#conditions = conditions;
  }

  get rowCount(): number {
    return this.#rows.rowCount;
  }

  get schema(): { name: string; type: string }[] {
    return this.#rows.columns.map(({ name, type }) => ({ name, type }));
  }

  async rows<T>(): Promise<T[]> {
    const all: Row[] = [];
    const held = this.#rows.held();
    if (held !== null) {
      const { slices, shape } = await held;
      for (const slice of slices) addRows(slice, shape, all);
    } else for await (const { slice, shape } of this.#rows.slices()) addRows(slice, shape, all);
    return all as T[];
  }

  async columns<T>(): Promise<T> {
    const { columns } = this.#rows;
    const held = this.#rows.held();
    if (held !== null) {
      const { slices, shape } = await held;
      return columnsOf(slices, shape) as T;
    }
    const slices: Slice[] = [];
    let last: Shape | null = null;
    for await (const { slice, shape } of this.#rows.slices()) {
      slices.push(slice);
      last = shape;
    }
    if (last === null) return Object.fromEntries(columns.map(({ name }) => [name, []])) as T;
    return columnsOf(slices, last) as T;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row[], void, undefined> {
    for await (const { slice, shape } of this.#rows.slices()) {
      const rows: Row[] = [];
      addRows(slice, shape, rows);
      yield rows;
    }
  }

  /** A getter, so that it works when destructured: `const { sql } = data`. */
  get sql(): PartitionData['sql'] {
    return async <T>(strings: TemplateStringsArray, ...values: unknown[]): Promise<T[]> => {
      if (!Array.isArray(strings) || !('raw' in strings)) {
        throw new TypeError(
          'data.sql is a template tag: write data.sql`SELECT … FROM data`, without parentheses.',
        );
      }
      const see = this.#seen.see.bind(this.#seen);
      return (await this.#sql.query(this.#rows, strings, values, see)) as T[];
    };
  }

  /**
   * The condition is evaluated once for each row, so that every use of the rows sees the same split.
   */
  async [SPLIT_DATA](condition: string): Promise<SplitData> {
    const found = await this.#conditions.query(this.#rows, [heldOutSql(condition)], []);
    const positions = found.map(({ position }) => position as number);
    const held = new Set(positions);
    const rest = Array.from({ length: this.rowCount }, (_, i) => i).filter((i) => !held.has(i));
    const part = (name: string, of: readonly number[]): PartitionData =>
      new Data(new SomeRows(this.#rows, of), this.#sql.sibling(name), this.#seen, this.#conditions);
    return { rest: part('rest', rest), heldOut: part('held out', positions), positions };
  }
}

/** Up to this many rows, reading a column costs less than deferring it. */
const FEW_ROWS = 200;

/**
 * An array per column. Expensive ones are created on first access, since most functions use only a few of
 * many columns.
 */
function columnsOf(slices: readonly Slice[], shape: Shape): Record<string, unknown[]> {
  const all: Record<string, unknown[]> = {};
  const { names, readers } = shape;
  const few = slices.reduce((sum, { from, to }) => sum + to - from, 0) <= FEW_ROWS;
  const read = (column: number): unknown[] => {
    const values: unknown[] = [];
    for (const slice of slices) readColumn(slice, shape, column, values);
    return values;
  };
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (few || readers[i]!.isCheap) setOwn(all, name, read(i));
    else defineLazy(all, name, () => read(i));
  }
  return all;
}

/** Defines a property that is computed on first access and is an ordinary one from then on. */
function defineLazy<T>(object: Record<string, T>, name: string, make: () => T): void {
  const fix = (value: T): T => {
    Object.defineProperty(object, name, { value, enumerable: true, writable: true });
    return value;
  };
  Object.defineProperty(object, name, {
    configurable: true,
    enumerable: true,
    get: () => fix(make()),
    set: fix,
  });
}
