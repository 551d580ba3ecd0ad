import type { Cell, CellType } from './cells';

/**
 * Columns that a result carries from the source: written in the types that they were read in, where a
 * JavaScript value would get a type of its own and lose digits. They stand beside the rows that hold the
 * values for everybody else.
 */
export interface ExactColumns {
  /** DuckDB's types, by column. */
  types: Readonly<Record<string, string>>;
  /** The values as DuckDB casts them to text and back, row by row. */
  texts: Readonly<Record<string, readonly (string | null)[]>>;
}

/** A property of the array of rows. `Symbol.for`, so that two copies of the package understand each other. */
export const EXACT = Symbol.for('partwise.exactColumns');

export function exactColumnsOf(result: unknown): ExactColumns | null {
  if (!Array.isArray(result)) return null;
  return (result as { [EXACT]?: ExactColumns })[EXACT] ?? null;
}

/** A cell of such a column; null: the column is not one of them. */
export function exactCell(
  { types, texts }: ExactColumns,
  name: string,
  row: number,
): { type: CellType; cell: Cell } | null {
  if (!Object.hasOwn(types, name)) return null;
  return { type: `=${types[name]!}`, cell: texts[name]?.[row] ?? null };
}
