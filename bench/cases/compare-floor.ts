import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { floor } from '../floor';
import type { World } from '../world';
import { timed } from './case';

/** Processes that run functions, for Partwise and for the floor. */
const PROCESSES = 2;

/** Seconds that the floor takes. */
export async function timeFloor(
  world: World,
  keys: string[],
  from: string,
  fn: 'summarize' | 'summarizeFlights',
): Promise<number> {
  const folder = join(world.folder, 'floor');
  mkdirSync(folder, { recursive: true });
  const { warehouse } = world;
  const seconds = await timed(() =>
    floor({ warehouse, from, keys, output: 'floor_output', fn, folder, processes: PROCESSES }),
  );
  rmSync(folder, { recursive: true });
  return seconds;
}

/** Both must have computed the same; sums may differ in the order in which rows were added up. */
export async function assertSame(world: World, table: string, expected = 'floor_output'): Promise<void> {
  const rounded = "SELECT COLUMNS(c -> c <> 'total'), round(total, 2) FROM";
  const [ours, theirs] = [table, expected].map((name) =>
    table === 'summaries' ? `${rounded} ${name}` : `FROM ${name}`,
  );
  const [difference] = await world.query<{ n: bigint }>(
    `SELECT count(*) AS n FROM ((${ours} EXCEPT ${theirs}) UNION ALL (${theirs} EXCEPT ${ours}))`,
  );
  if (difference!.n > 0n)
    throw new Error(`${difference!.n} rows of "${table}" differ from those of "${expected}".`);
}
