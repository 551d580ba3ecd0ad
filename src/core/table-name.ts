/** Names of tables as inputs write them: `sales`, `main.sales`, `"My ""own"" table"`. */
import { quote } from './quote';

/** Names that Partwise gives to tables of its own: its commits, its models, what it loads. */
const OWN = /^(__)?partwise_/i;

/** The parts of a name without their quotes: catalog or database, schema, table. Null: it is no name. */
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
 * Why rows cannot be read from, or written to, a table of this name, whatever there is in the warehouse; null
 * when they can.
 */
export function tableNameProblem(field: string, name: string, use: 'read' | 'write'): string | null {
  // A stage of the warehouse, which is refused with what to give instead.
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
