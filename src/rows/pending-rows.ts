/** Rows that functions returned, held by column until they are written. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import type { UntilRoom } from '../files/full-disk';
import { type Cell, type CellType, exactType, takeCell, typedCell } from './cells';
import type { DeclaredColumns } from './declared-columns';
import { exactColumnsOf } from './exact-columns';
import { appendColumns, copyWithKeys, declaredAs, writtenAs } from './output-file';
import {
  areDoubles,
  joinColumns,
  type KnownTypes,
  type OutputColumns,
  type OutputRows,
  storesAs,
  toDeclaredRows,
  toOutputRows,
} from './rows';
import { type Written, writeOrRefuse } from './written-alone';
import type { Row } from '../core/row';

const PENDING = '__partwise_pending';

export class PendingRows {
  /** `#names` and `#types` have the same columns by position, to compare rows with. */
  #columns: OutputColumns = new Map();
  #names: string[] = [];
  #types: (CellType | null)[] = [];
  #ordinals: number[] = [];
  #positions: number[] = [];
  #values: Cell[][] = [];
  readonly #declared: DeclaredColumns | null;
  readonly #declaredTypes: OutputColumns = new Map();
  /** Columns that some partition returned with values that their known types do not hold. */
  readonly #unfit = new Set<string>();

  /** `declared` are the function's own columns; null: they follow from the values. */
  constructor(declared: DeclaredColumns | null = null) {
    this.#declared = declared;
    for (const { name, type } of declared?.columns ?? []) this.#declaredTypes.set(name, `=${type}`);
  }

  get rows(): number {
    return this.#ordinals.length;
  }

  /**
   * Copies the rows of a result, so that later changes to its objects have no effect. Throws `InvalidResult`
   * for values that cannot be stored. There is a fast path for rows with the same columns as the previous
   * ones, as most have. `known` are the types that the call has read.
   */
  take(result: unknown, key: Row, known: KnownTypes): OutputRows {
    if (this.#declared !== null)
      return { columns: this.#declaredTypes, rows: toDeclaredRows(result, key, this.#declared) };
    const rows = Array.isArray(result) ? (result as unknown[]) : [result];
    if (this.#names.length === 0 || exactColumnsOf(result) !== null)
      return this.#takeOther(result, key, known);
    const taken: Cell[][] = [];
    for (let i = 0; i < rows.length; i++) {
      const cells = this.#takeSameShape(rows[i], i, known);
      if (cells === null) return this.#takeOther(result, key, known);
      taken.push(cells);
    }
    return { columns: this.#columns, rows: taken };
  }

  #takeOther(result: unknown, key: Row, known: KnownTypes): OutputRows {
    const fit = { get: (name: string) => (this.#unfit.has(name) ? null : (known.get(name) ?? null)) };
    const taken = toOutputRows(result, key, fit);
    // From then on for all partitions, so that their rows go into one file.
    for (const [name, type] of taken.columns) {
      const asked = fit.get(name);
      if (asked !== null && type !== null && type !== asked && type !== `=${asked}`) this.#unfit.add(name);
    }
    return taken;
  }

  /** Returns false if the types are incompatible with the pending rows, which must be written first. */
  add(ordinal: number, { columns, rows }: OutputRows): boolean {
    if (columns !== this.#columns) {
      const joined = joinColumns(this.#columns, columns);
      if (this.rows > 0 && (joined === null || this.#losesDigits(joined, columns, rows))) return false;
      this.#setColumns(joined ?? columns);
    }
    const places = columns === this.#columns ? null : this.#placesIn([...columns.keys()]);
    const values = this.#values;
    for (let position = 0; position < rows.length; position++) {
      const cells = rows[position]!;
      this.#ordinals.push(ordinal);
      this.#positions.push(position);
      for (let i = 0; i < values.length; i++)
        values[i]!.push(cells[places === null ? i : places[i]!] ?? null);
    }
    return true;
  }

  /**
   * Writes everything to `file` and clears it. If all rows are refused, no file is written. Rows that are
   * added meanwhile go into the next file.
   */
  async write(
    connection: DuckDBConnection,
    keyColumns: readonly Column[],
    file: string,
    untilRoom: UntilRoom,
  ): Promise<Written> {
    const names = [...this.#columns.keys()];
    const typed = this.#types.flatMap((type, i) =>
      type === null ? [] : [{ name: this.#names[i]!, type, values: this.#values[i]! }],
    );
    const ordinals = this.#ordinals;
    const positions = this.#positions;
    this.#ordinals = [];
    this.#positions = [];
    this.#setColumns(new Map());
    const all = [...new Set(ordinals)];
    return writeOrRefuse(all, (some) => {
      const rows = { ordinals, positions, typed };
      const own = some === all ? rows : rowsOf(rows, new Set(some));
      return untilRoom(() => writeRows(connection, own, keyColumns, names, file));
    });
  }

  /** Whether integers of either side would be rounded in a column of doubles. */
  #losesDigits(joined: OutputColumns, columns: OutputColumns, rows: readonly Cell[][]): boolean {
    const own = [...columns.keys()];
    return [...joined].some(([name, type]) => {
      if (type !== 'DOUBLE') return false;
      const pending = this.#names.indexOf(name);
      return (
        (columns.get(name) !== 'DOUBLE' && !areDoubles(rows, own.indexOf(name))) ||
        (pending >= 0 &&
          this.#types[pending] !== 'DOUBLE' &&
          !areDoubles(
            this.#values[pending]!.map((cell) => [cell]),
            0,
          ))
      );
    });
  }

  /**
   * The cells of a plain object with exactly these columns in this order and with values that they store as
   * is; null if the object differs.
   */
  #takeSameShape(row: unknown, position: number, known: KnownTypes): Cell[] | null {
    if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
      return null;
    const names = Object.keys(row);
    if (names.length !== this.#names.length) return null;
    const cells: Cell[] = [];
    for (let i = 0; i < names.length; i++) {
      if (names[i] !== this.#names[i]) return null;
      const type = this.#types[i]!;
      const value = (row as Row)[names[i]!];
      const exact = type === null ? null : exactType(type);
      if (exact !== null) {
        const typed = known.get(names[i]!) === exact ? typedCell(value, exact) : null;
        if (typed === null) return null;
        cells.push(typed.cell);
      } else if (storesAs(type, value)) cells.push(value ?? null);
      else if (typeof value !== 'object') return null;
      else {
        const taken = takeCell(value, names[i]!, position);
        if (taken.type !== type) return null;
        cells.push(taken.cell);
      }
    }
    return cells;
  }

  /** Each column's index in `names`, -1 if it is missing there; null if the names are identical. */
  #placesIn(names: readonly string[]): number[] | null {
    if (names.length === this.#names.length && names.every((name, i) => name === this.#names[i])) return null;
    const places = new Map(names.map((name, i) => [name, i]));
    return this.#names.map((name) => places.get(name) ?? -1);
  }

  #setColumns(columns: OutputColumns): void {
    const names = [...columns.keys()];
    // Earlier rows have no value in new columns.
    this.#values = names.map((name, i) =>
      name === this.#names[i] ? this.#values[i]! : Array.from<null>({ length: this.rows }).fill(null),
    );
    if (this.rows === 0) this.#values = names.map(() => []);
    this.#columns = columns;
    this.#names = names;
    this.#types = [...columns.values()];
  }
}

interface TypedRows {
  ordinals: readonly number[];
  positions: readonly number[];
  typed: readonly { name: string; type: CellType; values: readonly Cell[] }[];
}

function rowsOf({ ordinals, positions, typed }: TypedRows, some: ReadonlySet<number>): TypedRows {
  const isOne = (_: unknown, row: number): boolean => some.has(ordinals[row]!);
  return {
    ordinals: ordinals.filter(isOne),
    positions: positions.filter(isOne),
    typed: typed.map((column) => ({ ...column, values: column.values.filter(isOne) })),
  };
}

/** `columns` are the names of all columns in order, including those without any value. */
async function writeRows(
  connection: DuckDBConnection,
  { typed, ...places }: TypedRows,
  keyColumns: readonly Column[],
  columns: string[],
  file: string,
): Promise<void> {
  const declared = typed.map(({ type }, i) => `, c${i} ${declaredAs(type)}`).join('');
  await connection.run(`CREATE OR REPLACE TEMP TABLE ${PENDING} (ord INTEGER, row BIGINT${declared})`);
  await appendColumns(connection, PENDING, places, typed);
  const selected = typed.map(({ name, type }, i) => ({
    name,
    value: writtenAs(`pending.c${i}`, type),
    type: exactType(type),
  }));
  const place = { rows: `${PENDING} AS pending`, ord: 'pending.ord', row: 'pending.row', file };
  await copyWithKeys(connection, { ...place, selected, keyColumns, columns });
  await connection.run(`DROP TABLE ${PENDING}`);
}
