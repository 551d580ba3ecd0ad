/** Random tables of several partitions. */
import type { Random } from '../chaos/random';
import { COLUMNS, KINDS, VALUES } from './random-expressions';

export interface RandomTable {
  columns: { name: string; type: string }[];
  /** Number of rows of each partition. */
  sizes: number[];
  /** A query for the rows, sorted by `__partwise_ord`. */
  sql: string;
}

export function randomTable(random: Random, partitions: number): RandomTable {
  const below = (limit: number): number => random.int(0, limit - 1);
  const sizes = Array.from({ length: partitions }, () => random.pick([1, 1, 2, 3, 7, 20, 20, 50]));
  // More than a vector of DuckDB.
  if (random.chance(0.2)) sizes[below(partitions)] = 2_000 + below(3_000);
  const named = KINDS.flatMap((kind) => Object.entries(COLUMNS[kind] as Record<string, string>));
  const salt = below(1_000_000);
  const values = named.map(([name, type], i) => {
    const list = VALUES[name]!.map((value) => `(${value})::${type}`).join(', ');
    const nulls = random.pick(name === 'u' ? [0, 0, 5] : [0, 10, 60, 100]);
    const hash = `hash(ord, r, ${salt + i})`;
    const one =
      various(name, hash, random) ??
      `list_extract([${list}], 1 + (${hash} % ${random.pick([1, 2, VALUES[name]!.length])})::INTEGER)`;
    return `CASE WHEN hash(r, ord, ${salt - i}) % 100 < ${nulls} THEN NULL ELSE ${one} END AS ${name}`;
  });
  return {
    columns: [
      { name: 'k', type: 'VARCHAR' },
      ...named.map(([name, type]) => ({
        name: name.replaceAll('"', ''),
        type: type.replace('STRUCT(a', 'STRUCT("a"').replace(', b ', ', "b" '),
      })),
    ],
    sizes,
    sql: `SELECT 'k' || ord AS k, ${values.join(', ')}, ord::INTEGER AS __partwise_ord
      FROM (SELECT unnest(range(len(sizes))) AS ord, unnest(sizes) AS size FROM (SELECT [${sizes.join(', ')}] AS sizes)), range(size) rows(r) ORDER BY ord, r`,
  };
}

/** Values of which hardly any are equal. */
function various(name: string, hash: string, random: Random): string | null {
  if (name === 'u') return `(${hash} % 1000003)::BIGINT`;
  return name === 'f' && random.chance(0.6) ? `((${hash} % 2000003) / 7919.0 - 120)::DOUBLE` : null;
}
