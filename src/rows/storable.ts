/**
 * Types of DuckDB that Parquet does not hold as they are: written in another type, or refused by name. Pure.
 */

/** Integers of 128 bits would become DOUBLE and lose digits: `sum` of an integer column is one. */
const WIDE = /\bU?HUGEINT\b/g;
/** A TIME WITH TIME ZONE would lose its zone, and a UNION the name of its member. */
const REFUSED = /\b(TIME WITH TIME ZONE|UNION)\b/;
/** Names of fields and values of ENUMs are no types. */
const QUOTED = /"(?:[^"]|"")*"|'(?:[^']|'')*'/g;

/** A column as it is written to Parquet: an SQL expression that fails for a value that would lose digits. */
export function storable(column: string, type: string): string {
  const written = outsideQuotes(type, (part) => part.replace(WIDE, 'DECIMAL(38,0)'));
  return written === type ? column : `${column}::${written}`;
}

/** Why no value of the type can be written, as the end of a sentence; null: it can. */
export function typeProblem(type: string): string | null {
  const plain = type.replace(QUOTED, '""');
  // TIMESTAMP WITH TIME ZONE is another type.
  const [refused] = REFUSED.exec(plain) ?? [];
  if (refused !== undefined)
    return `${plain.startsWith(refused) && !plain.endsWith(']') ? 'is' : 'contains'} a ${refused}, which Parquet cannot store`;
  if (plain !== 'INTERVAL' && /\bINTERVAL\b/.test(plain)) return 'contains INTERVALs inside other values';
  return null;
}

/** The condition, in SQL, that a value of the type cannot be written; null: there is no such value. */
export function valueProblem(column: string, type: string): string | null {
  if (type !== 'INTERVAL') return null;
  // Parquet has whole milliseconds below 2^32 of them, and no negative ones. A DuckDB prints fractions
  // without zeros at the end.
  return `regexp_matches(${column}::VARCHAR, '-|[.][0-9]{4}') OR extract(hour FROM ${column}) >= 1193`;
}

function outsideQuotes(text: string, change: (part: string) => string): string {
  const quoted = text.match(QUOTED) ?? [];
  return text
    .split(QUOTED)
    .map((part, i) => change(part) + (quoted[i] ?? ''))
    .join('');
}
