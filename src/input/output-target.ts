/** Whether the place for the combined rows is a table or a file: decided here, for flags and input alike. */

/** Files that the rows can be written to. */
export const OUTPUT_ENDINGS = ['.parquet', '.csv'] as const;

/**
 * Endings that people give to files, and nobody to tables: `sales.xlsx` is no table "xlsx" of a schema
 * "sales".
 */
const FILE_ENDING =
  /\.(parquet|pq|csv|tsv|txt|json|jsonl|ndjson|xlsx?|ods|arrow|feather|avro|orc|db|duckdb|sqlite3?|gz|zst|zip)$/i;

/**
 * `summary.csv` and `out/summary` are files; `summary`, `main.summary` and `"a.csv"`, in SQL's quotes, are
 * tables.
 */
export function isOutputFile(target: string): boolean {
  return !target.endsWith('"') && (FILE_ENDING.test(target) || /[\\/]/.test(target));
}

export function hasOutputEnding(file: string): boolean {
  return OUTPUT_ENDINGS.some((ending) => file.toLowerCase().endsWith(ending));
}
