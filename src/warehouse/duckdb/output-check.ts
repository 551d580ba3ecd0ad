/** Checks whether rows can be written to a table of a DuckDB file, before there are any (I9). */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { tableParts } from '../../core/table-name';
import { queryRows, withDatabase, type OpenOptions } from '../../duckdb/database-file';

/** Reserved for DuckDB: nothing can be created there. */
const SYSTEM = ['information_schema', 'pg_catalog', 'system', 'temp'];

/** The problems with the table, as sentences. */
export async function tableProblems(path: string, table: string, options: OpenOptions): Promise<string[]> {
  if (path === ':memory:') return [needsFile(`The output table "${table}"`)];
  const parts = tableParts(table)!;
  const places = parts.slice(0, -1).map((part) => part.toLowerCase());
  if (places.some((place) => SYSTEM.includes(place)))
    return [
      `The output table "${table}" is in a part of the warehouse that is reserved for DuckDB: name another schema.`,
    ];
  // The commit creates the file, with one schema.
  if (!existsSync(path)) return placeProblems(table, places, basename(path, extname(path)), ['main']);
  return withDatabase(path, 'read', (connection) => problemsIn(connection, table, parts), options);
}

/** The problems with an output file, which may be relative to the project, as sentences. */
export function fileProblems(file: string, projectDir: string): string[] {
  const path = resolve(projectDir, file);
  let found = path;
  while (!existsSync(found)) found = dirname(found);
  const isFolder = statSync(found).isDirectory();
  if (found === path) return isFolder ? [`The output file "${file}" is a folder: name a file in it.`] : [];
  return isFolder
    ? []
    : [`The output file "${file}" would be inside the file "${found}": name another path.`];
}

/** `what` is the beginning of the sentence. */
export function needsFile(what: string): string {
  return `${what} needs a warehouse file: name one with --warehouse duckdb:PATH.`;
}

async function problemsIn(
  connection: DuckDBConnection,
  table: string,
  parts: readonly string[],
): Promise<string[]> {
  const [{ catalog } = { catalog: '' }] = await queryRows<{ catalog: string }>(
    connection,
    'SELECT current_database() AS catalog',
  );
  const schemas = await queryRows<{ name: string }>(
    connection,
    'SELECT schema_name AS name FROM duckdb_schemas() WHERE database_name = current_database() ORDER BY 1',
  );
  const places = parts.slice(0, -1).map((part) => part.toLowerCase());
  const misplaced = placeProblems(
    table,
    places,
    catalog,
    schemas.map(({ name }) => name),
  );
  if (misplaced.length > 0) return misplaced;
  const schema =
    places.length === 0 || (places.length === 1 && places[0] === catalog.toLowerCase())
      ? 'main'
      : places.at(-1);
  // DuckDB's own views (duckdb_tables, sqlite_master) are in another database, but can be found by name in
  // every one.
  const [view] = await queryRows<{ internal: boolean }>(
    connection,
    `SELECT internal FROM duckdb_views() WHERE (database_name = current_database() OR internal)
     AND lower(schema_name) = $1 AND lower(view_name) = lower($2)`,
    [schema, parts.at(-1)],
  );
  if (view === undefined) return [];
  return view.internal
    ? [`The output table "${table}" has the name of one of DuckDB's own views: name another table.`]
    : [`The output table "${table}" is a view: name a table, or drop the view.`];
}

/** `places` are the parts before the table's name. */
function placeProblems(
  table: string,
  places: readonly string[],
  catalog: string,
  schemas: readonly string[],
): string[] {
  const known = schemas.map((name) => name.toLowerCase());
  const [first, second] = places;
  const isCatalog = first === catalog.toLowerCase();
  if (second === undefined) {
    if (first === undefined || isCatalog || known.includes(first)) return [];
  } else if (isCatalog && known.includes(second)) return [];
  return [
    `There is no schema "${places.join('.')}" in the warehouse for the output table "${table}". ` +
      `Schemas there: ${schemas.join(', ')}. Create it first (CREATE SCHEMA), or name another table.`,
  ];
}
