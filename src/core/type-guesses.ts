/** How the types of columns in text files (CSV, JSON) were found. */
export interface TypeGuesses {
  /** Columns whose type the input gives (`source.types`). */
  given: string[];
  /** Columns that are read with another type than DuckDB detects, which would change their values. */
  changed: { name: string; detected: string; reason: string }[];
}

/** Where a column's type comes from: `given`, `guessed`, or `not BIGINT: …` with the reason. */
export function typeOrigin({ given, changed }: TypeGuesses, name: string): string {
  const change = changed.find((each) => each.name === name);
  if (change !== undefined) return `not ${change.detected}: ${change.reason}`;
  return given.includes(name) ? 'given' : 'guessed';
}
