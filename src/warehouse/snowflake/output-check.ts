/** What keeps rows from being written into a table on Snowflake, found out before there are any (I9). */
import { isUnknownObject } from '../../snowflake';
import { parseName, quoteName, quoteText, tableName } from '../../snowflake/names';
import type { Run } from './source';

/** What is wrong with the table, as sentences. */
export async function tableProblems(run: Run, table: string): Promise<string[]> {
  // Throws for what is no name.
  tableName(table);
  const parts = parseName(table)!;
  const places = parts.slice(0, -1);
  if (places.at(-1) === 'INFORMATION_SCHEMA')
    return [`The output table "${table}" is in a schema of Snowflake's own: name another schema.`];
  const schema = places.length === 0 ? '' : ` IN SCHEMA ${places.map(quoteName).join('.')}`;
  try {
    const { columns, rows } = await run(`SHOW OBJECTS LIKE ${quoteText(parts.at(-1)!)}${schema}`);
    const at = (column: string): number => columns.findIndex(({ name }) => name === column);
    // A pattern, and none that it matches is taken for it.
    const found = rows.find((row) => row[at('name')] === parts.at(-1));
    return found?.[at('kind')] === 'VIEW'
      ? [`The output table "${table}" is a view: name a table, or drop the view.`]
      : [];
  } catch (error) {
    if (!isUnknownObject(error)) throw error;
    return [
      `There is no schema for the output table "${table}" that the role may use: make it first (CREATE SCHEMA), or name another table. ` +
        `(${(error as Error).message})`,
    ];
  }
}
