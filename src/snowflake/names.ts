/** Names of Snowflake's objects and columns. */
import { Refusal } from '../core/refusal';

/** Written without quotes, such a name is the same name in upper case. */
const PLAIN = /^[A-Za-z_][A-Za-z0-9_$]*$/;

/** `My "col"` → `"My ""col"""`. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  // In Snowflake, a backslash starts an escape sequence.
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/**
 * `db.schema."My Table"` → `['DB', 'SCHEMA', 'My Table']`, as Snowflake resolves it: unquoted parts are in
 * upper case. Null if it is not a name.
 */
export function parseName(text: string): string[] | null {
  const parts: string[] = [];
  let rest = text.trim();
  for (;;) {
    const [part] = /^(?:"(?:[^"]|"")+"|[A-Za-z_][A-Za-z0-9_$]*)/.exec(rest) ?? [];
    if (part === undefined) return null;
    parts.push(part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.toUpperCase());
    rest = rest.slice(part.length);
    if (rest === '') return parts;
    if (!rest.startsWith('.')) return null;
    rest = rest.slice(1);
  }
}

/** A table's name in SQL. Throws a `Refusal` if it is not valid. */
export function tableName(text: string): string {
  const parts = parseName(text);
  if (parts !== null && parts.length <= 3) return parts.map(quoteName).join('.');
  throw new Refusal('InvalidInput', [
    `"${text}" is not a valid table name on Snowflake: write TABLE, SCHEMA.TABLE or DATABASE.SCHEMA.TABLE, ` +
      'with double quotes around names that contain characters other than letters, digits, _ and $.',
  ]);
}

/**
 * A column's name as functions see it. Snowflake stores unquoted names in upper case; here they are in lower
 * case, so that a function finds the same columns in every warehouse. Names of mixed case stay as they are.
 */
export function nameInSnapshot(name: string): string {
  return PLAIN.test(name) && name === name.toUpperCase() ? name.toLowerCase() : name;
}

/** A new column's name: plain names are treated as if they were written without quotes. */
export function nameInSnowflake(name: string): string {
  return PLAIN.test(name) ? name.toUpperCase() : name;
}
