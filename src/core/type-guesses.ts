/** How the types of columns in text files (CSV, JSON) were found. */
export interface TypeGuesses {
  /** Columns whose type the input gives (`source.types`). */
  given: string[];
  /** Columns that are read with another type than DuckDB detects, which would change their values. */
  changed: { name: string; detected: string; reason: string }[];
}
