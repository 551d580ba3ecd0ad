import { join } from 'node:path';
import { atMost } from '../../core/at-most';
import { inParallel } from '../../core/in-parallel';
import type { SnapshotFile } from '../../core/unit-plan';
import type { RangedPlace } from '../warehouse';

type Range = RangedPlace['ranges'][number];

/**
 * Puts each range of partitions on the stage as its own file. They are written one after the other, since
 * DuckDB uses all cores for each, while those before are uploaded, a few at a time.
 *
 * @param write writes the rows of a range to a local file
 */
export async function putRanges(
  { stage, folder, ranges }: RangedPlace,
  scratch: string,
  write: (range: Range, file: string) => Promise<void>,
): Promise<SnapshotFile[]> {
  const files: SnapshotFile[] = [];
  const inTurn = atMost(1);
  await inParallel(ranges, async ({ from, to }, i) => {
    // The rows that it is written from are in this folder too, under names of their own.
    const file = join(scratch, `range-${from}.parquet`);
    await inTurn(() => write({ from, to }, file));
    files[i] = { ...(await stage.put(`${folder}rows-${from}.parquet`, { file })), from, to };
  });
  return files;
}
