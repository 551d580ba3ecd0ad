/** Names of the columns that DuckDB takes from folders such as `year=2026`. */
export function foldersWithValues(path: string): string[] {
  return path
    .split('/')
    .slice(0, -1)
    .flatMap((folder) => /^([^=]+)=[^=]*$/.exec(folder)?.[1] ?? []);
}
