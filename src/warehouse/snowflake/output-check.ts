/** Checks whether rows can be written to a table on Snowflake, before there are any (I9). */
import { isUnknownObject } from '../../snowflake';
import { parseName, quoteName, quoteText, tableName } from '../../snowflake/names';
import type { Run } from './source';

/** The problems with the table, as sentences. */
export async function tableProblems(run: Run, table: string): Promise<string[]> {
  // Throws if it is not a valid name.
  tableName(table);
  const parts = parseName(table)!;
  const places = parts.slice(0, -1);
  if (places.at(-1) === 'INFORMATION_SCHEMA')
    return [
      `The output table "${table}" is in a schema that is reserved for Snowflake: name another schema.`,
    ];
  const missing =
    `There is no schema "${places.join('.')}" for the output table "${table}" that the role may use: ` +
    'create it first (CREATE SCHEMA), or name another table.';
  try {
    if (places.length > 0) {
      const database = places.length === 1 ? '' : ` IN DATABASE ${quoteName(places[0]!)}`;
      if ((await shown(run, `SCHEMAS LIKE ${quoteText(places.at(-1)!)}${database}`, places.at(-1)!)) === null)
        return [missing];
    }
    const schema = places.length === 0 ? '' : ` IN SCHEMA ${places.map(quoteName).join('.')}`;
    const found = await shown(run, `OBJECTS LIKE ${quoteText(parts.at(-1)!)}${schema}`, parts.at(-1)!);
    return found?.kind === 'VIEW'
      ? [`The output table "${table}" is a view: name a table, or drop the view.`]
      : [];
  } catch (error) {
    if (!isUnknownObject(error)) throw error;
    return [`${missing} (${(error as Error).message})`];
  }
}

/** The object with exactly this name, or null. SHOW returns everything that the pattern matches. */
async function shown(run: Run, what: string, name: string): Promise<{ kind: string | null } | null> {
  const { columns, rows } = await run(`SHOW ${what}`);
  const at = (column: string): number => columns.findIndex((each) => each.name === column);
  const row = rows.find((each) => each[at('name')] === name);
  return row === undefined ? null : { kind: row[at('kind')] ?? null };
}
