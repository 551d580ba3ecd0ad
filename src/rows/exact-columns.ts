import type { Cell, CellType } from './cells';

/**
 * Columns that a result copies from the source and that are written in their source types, because the types
 * of JavaScript values would lose digits. They accompany the rows, which have the values for everything else.
 */
export interface ExactColumns {
  /** DuckDB's types, by column. */
  types: Readonly<Record<string, string>>;
  /** The values of each row as text, from which DuckDB casts them back. */
  texts: Readonly<Record<string, readonly (string | null)[]>>;
}

/** A property of the array of rows. `Symbol.for`, so that two copies of the package are compatible. */
export const EXACT = Symbol.for('partwise.exactColumns');

export function exactColumnsOf(result: unknown): ExactColumns | null {
  if (!Array.isArray(result)) return null;
  return (result as { [EXACT]?: ExactColumns })[EXACT] ?? null;
}

/** A cell of an exact column, or null if the column is not exact. */
export function exactCell(
  { types, texts }: ExactColumns,
  name: string,
  row: number,
): { type: CellType; cell: Cell } | null {
  if (!Object.hasOwn(types, name)) return null;
  return { type: `=${types[name]!}`, cell: texts[name]?.[row] ?? null };
}
