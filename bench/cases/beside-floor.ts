import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { floor } from '../floor';
import type { World } from '../world';
import { timed } from './case';

/** Processes that run functions, on both sides. */
const PROCESSES = 2;

/** Seconds of the floor. */
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

/** Both must have computed the same; rows of a partition may have been added up in another order. */
export async function assertSame(world: World, table: string): Promise<void> {
  const rounded = "SELECT COLUMNS(c -> c <> 'total'), round(total, 2) FROM";
  const [ours, theirs] = [table, 'floor_output'].map((name) =>
    table === 'summaries' ? `${rounded} ${name}` : `FROM ${name}`,
  );
  const [difference] = await world.query<{ n: bigint }>(
    `SELECT count(*) AS n FROM ((${ours} EXCEPT ${theirs}) UNION ALL (${theirs} EXCEPT ${ours}))`,
  );
  if (difference!.n > 0n)
    throw new Error(`${difference!.n} rows of "${table}" differ from those of the floor.`);
}
