/**
 * Columns of a table whose type changes. Snowflake cannot change a type in place, and DDL ends a transaction.
 * So a column of the new type is added first, the commit's transaction fills it, and afterwards it takes the
 * place of the old one. Whatever is interrupted in between, the next commit finishes.
 */
import type { ResultColumn, Session } from '../../snowflake';
import { quoteName } from '../../snowflake/names';

const PREFIX = 'PARTWISE_NEW_';

/** The name of the column that will replace another one. */
export function replacementOf(name: string): string {
  return `${PREFIX}${name}`;
}

/** The table's own columns, without replacements that are not finished. */
export function withoutReplacements(columns: readonly ResultColumn[]): ResultColumn[] {
  return columns.filter(({ name }) => !name.startsWith(PREFIX));
}

/** Finishes the replacements that a transaction has filled, and drops others. `table` is the quoted name. */
export async function finishReplacements(
  session: Session,
  table: string,
  columns: readonly ResultColumn[],
): Promise<void> {
  const names = columns.map(({ name }) => name);
  const some = async (condition: string): Promise<boolean> =>
    (await session.run(`SELECT 1 FROM ${table} WHERE ${condition} LIMIT 1`)).rows.length > 0;
  for (const replacement of names.filter((name) => name.startsWith(PREFIX))) {
    const name = replacement.slice(PREFIX.length);
    const [old, fresh] = [quoteName(name), quoteName(replacement)];
    if (names.includes(name)) {
      if (!(await some(`${fresh} IS NOT NULL`))) {
        await session.run(`ALTER TABLE ${table} DROP COLUMN ${fresh}`);
        continue;
      }
      // Rows that others have inserted since the transaction.
      const late = `${fresh} IS NULL AND ${old} IS NOT NULL`;
      if (await some(late)) await session.run(`UPDATE ${table} SET ${fresh} = ${old} WHERE ${late}`);
      await session.run(`ALTER TABLE ${table} DROP COLUMN ${old}`);
    }
    await session.run(`ALTER TABLE ${table} RENAME COLUMN ${fresh} TO ${old}`);
  }
}
