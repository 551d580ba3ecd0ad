/** Rows that functions returned, by columns, until they are written. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../run/plan';
import { appendColumns, copyWithKeys, declaredAs, writtenAs } from './output-file';
import { type ExactColumns, exactColumnsOf } from './exact-columns';
import { identifier } from './quote';
import {
  type CellType,
  joinColumns,
  type OutputColumns,
  type OutputRows,
  storesAs,
  toOutputRows,
} from './rows';
import type { Row } from './types';

const PENDING = '__partwise_pending';

/** A result that was looked at and not added yet. */
export interface CheckedRows {
  count: number;
  /** Null: the rows have the columns of those before, in their order, and the values go into them as they are. */
  output: OutputRows | null;
  rows: readonly Row[];
  /** Of the columns that the rows were compared with. */
  version: number;
}

export class PendingRows {
  /** Column by column; `#names` and `#types` are the same by position, for comparing rows with them. */
  #columns: OutputColumns = new Map();
  #names: string[] = [];
  #types: (CellType | null)[] = [];
  #version = 0;
  #ordinals: number[] = [];
  #positions: number[] = [];
  #values: unknown[][] = [];

  get rows(): number {
    return this.#ordinals.length;
  }

  /** Throws `InvalidResult` for what cannot be stored. Most partitions return rows like those before, which is quickly seen. */
  check(result: unknown, key: Row): CheckedRows {
    const version = this.#version;
    const rows = Array.isArray(result) ? (result as unknown[]) : [result];
    if (this.#names.length > 0 && exactColumnsOf(result) === null && rows.every((row) => this.#isAlike(row)))
      return { count: rows.length, output: null, rows: rows as Row[], version };
    const output = toOutputRows(result, key);
    return { count: output.rows.length, output, rows: output.rows, version };
  }

  /** False: the types do not go together with those before; write these first. */
  add(ordinal: number, checked: CheckedRows, key: Row): boolean {
    const { rows, version } = checked;
    let { output } = checked;
    // What the rows were compared with may have been written meanwhile.
    if (output === null && version !== this.#version) output = toOutputRows(rows, key);
    if (output !== null) {
      const joined = joinColumns(this.#columns, output.columns);
      if (joined === null && this.rows > 0) return false;
      this.#setColumns(joined ?? output.columns);
    }
    for (const [position, row] of (output?.rows ?? rows).entries()) {
      this.#ordinals.push(ordinal);
      this.#positions.push(position);
      for (let i = 0; i < this.#names.length; i++) this.#values[i]!.push(row[this.#names[i]!]);
    }
    if (output?.exact != null) this.#setExact(output.exact, output.rows.length);
    return true;
  }

  /** Writes everything to `file` and forgets it. What is added from now on goes into the next file. */
  async write(connection: DuckDBConnection, keyColumns: readonly Column[], file: string): Promise<void> {
    const columns = [...this.#columns.keys()];
    const typed = this.#types.flatMap((type, i) =>
      type === null ? [] : [{ name: this.#names[i]!, type, values: this.#values[i]! }],
    );
    const places = { ordinals: this.#ordinals, positions: this.#positions };
    this.#ordinals = [];
    this.#positions = [];
    this.#setColumns(new Map());
    const declared = typed.map(({ type }, i) => `, c${i} ${declaredAs(type)}`).join('');
    await connection.run(`CREATE OR REPLACE TEMP TABLE ${PENDING} (ord INTEGER, row BIGINT${declared})`);
    await appendColumns(connection, PENDING, places, typed);
    const selected = typed.map(
      ({ name, type }, i) => `${writtenAs(`pending.c${i}`, type)} AS ${identifier(name)}`,
    );
    const rows = `${PENDING} AS pending`;
    const place = { rows, ord: 'pending.ord', row: 'pending.row', file };
    await copyWithKeys(connection, { ...place, selected, keyColumns, columns });
    await connection.run(`DROP TABLE ${PENDING}`);
  }

  /** Of the last rows: the texts that are written in place of their values. */
  #setExact({ texts }: ExactColumns, count: number): void {
    for (const [name, values] of Object.entries(texts)) {
      const column = this.#values[this.#names.indexOf(name)];
      if (column === undefined) continue;
      const from = column.length - count;
      for (let i = 0; i < count; i++) column[from + i] = values[i];
    }
  }

  /** A plain object with these columns in this order, each value of a kind that its column stores. */
  #isAlike(row: unknown): boolean {
    if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
      return false;
    const names = Object.keys(row);
    if (names.length !== this.#names.length) return false;
    for (let i = 0; i < names.length; i++) {
      if (names[i] !== this.#names[i]) return false;
      if (!storesAs(this.#types[i]!, (row as Row)[names[i]!])) return false;
    }
    return true;
  }

  #setColumns(columns: OutputColumns): void {
    const names = [...columns.keys()];
    // Those before have no value in columns that are new.
    this.#values = names.map((name, i) =>
      name === this.#names[i] ? this.#values[i]! : Array.from<null>({ length: this.rows }).fill(null),
    );
    if (this.rows === 0) this.#values = names.map(() => []);
    this.#columns = columns;
    this.#names = names;
    this.#types = [...columns.values()];
    this.#version++;
  }
}
