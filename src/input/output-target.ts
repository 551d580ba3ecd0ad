/** Decides whether the target for the combined rows is a table or a file, for flags and input alike. */

/** File formats that the rows can be written in. */
export const OUTPUT_ENDINGS = ['.parquet', '.csv'] as const;

/**
 * Extensions that are used for files but not for tables: `sales.xlsx` is not a table "xlsx" in a schema
 * "sales".
 */
const FILE_ENDING =
  /\.(parquet|pq|csv|tsv|txt|json|jsonl|ndjson|xlsx?|ods|arrow|feather|avro|orc|db|duckdb|sqlite3?|gz|zst|zip)$/i;

/**
 * `summary.csv` and `out/summary` are files; `summary`, `main.summary` and `"a.csv"` (in SQL quotes) are
 * tables.
 */
export function isOutputFile(target: string): boolean {
  return !target.endsWith('"') && (FILE_ENDING.test(target) || /[\\/]/.test(target));
}

export function hasOutputEnding(file: string): boolean {
  return OUTPUT_ENDINGS.some((ending) => file.toLowerCase().endsWith(ending));
}
