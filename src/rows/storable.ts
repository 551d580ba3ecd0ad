/**
 * DuckDB types that Parquet cannot store as they are: they are written as another type, or refused. Pure.
 */

/** 128-bit integers, such as the `sum` of an integer column, would become DOUBLE and lose digits. */
const WIDE = /\bU?HUGEINT\b/g;
/** A TIME WITH TIME ZONE would lose its zone, and a UNION the name of its member. */
const REFUSED = /\b(TIME WITH TIME ZONE|UNION)\b/;
/** Quoted parts are field names and ENUM values, not types. */
const QUOTED = /"(?:[^"]|"")*"|'(?:[^']|'')*'/g;

/** The SQL expression that a column is written to Parquet as. It fails for values that would lose digits. */
export function storable(column: string, type: string): string {
  const written = outsideQuotes(type, (part) => part.replace(WIDE, 'DECIMAL(38,0)'));
  return written === type ? column : `${column}::${written}`;
}

/** Why values of the type cannot be written, as the end of a sentence, or null if they can. */
export function typeProblem(type: string): string | null {
  const plain = type.replace(QUOTED, '""');
  // TIMESTAMP WITH TIME ZONE does not match.
  const [refused] = REFUSED.exec(plain) ?? [];
  if (refused !== undefined)
    return `${plain.startsWith(refused) && !plain.endsWith(']') ? 'is' : 'contains'} a ${refused}, which Parquet cannot store`;
  if (plain !== 'INTERVAL' && /\bINTERVAL\b/.test(plain)) return 'contains INTERVALs inside other values';
  return null;
}

/** The SQL condition for values of the type that cannot be written, or null if there are none. */
export function valueProblem(column: string, type: string): string | null {
  if (type !== 'INTERVAL') return null;
  // Parquet stores fewer than 2^32 whole, non-negative milliseconds. DuckDB prints fractions without trailing
  // zeros.
  return `regexp_matches(${column}::VARCHAR, '-|[.][0-9]{4}') OR extract(hour FROM ${column}) >= 1193`;
}

function outsideQuotes(text: string, change: (part: string) => string): string {
  const quoted = text.match(QUOTED) ?? [];
  return text
    .split(QUOTED)
    .map((part, i) => change(part) + (quoted[i] ?? ''))
    .join('');
}
