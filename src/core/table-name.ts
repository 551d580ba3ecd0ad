/** Table names as written in inputs: `sales`, `main.sales`, `"My ""own"" table"`. */
import { quote } from './quote';

/** Names of Partwise's own tables: commits, models, and tables being loaded. */
const OWN = /^(__)?partwise_/i;

/** The parts of a name without quotes: catalog or database, schema, table. Null if it is not a valid name. */
export function tableParts(name: string): string[] | null {
  const parts: string[] = [];
  const part = /(?:"((?:[^"]|"")+)"|([^".]+))(\.|$)/y;
  for (;;) {
    const found = part.exec(name);
    if (found === null) return null;
    const [, quoted, plain, end] = found;
    parts.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end === '') return parts.length <= 3 ? parts : null;
  }
}

/**
 * Why a table of this name cannot be read or written, regardless of the contents of the warehouse; null if it
 * can.
 */
export function tableNameProblem(field: string, name: string, use: 'read' | 'write'): string | null {
  // A stage of the warehouse: refused elsewhere, with what to use instead.
  if (use === 'read' && name.startsWith('@')) return null;
  const parts = tableParts(name);
  if (parts === null) {
    return (
      `"${field}" is ${quote(name)}, which is not a table name: write TABLE, SCHEMA.TABLE or DATABASE.SCHEMA.TABLE, ` +
      'and put a part with dots or quotation marks in double quotes, such as "my ""own"" table".'
    );
  }
  if (use === 'read' || !OWN.test(parts.at(-1)!)) return null;
  return (
    `"${field}" is ${quote(name)}, but tables whose names begin with "partwise_" are reserved for Partwise ` +
    '(its commits and models). Use another table.'
  );
}
