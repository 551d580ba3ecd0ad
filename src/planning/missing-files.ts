/**
 * Finds DONE partitions whose files are missing from the stage or damaged; a retry runs them again if
 * requested. Their rows in intact files no longer count, so each partition's rows exist only once.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CarriedContent } from '../core/carried';
import type { EarlierError } from '../core/earlier-errors';
import { filterBlock, outcomeAt } from '../core/done-block';
import type { RowsFile } from '../core/files';
import type { EndedOutcome } from '../core/outcome';
import { ObjectDamaged, ObjectMissing, type Stage } from '../stage';
import { queryRows, withDatabase } from '../duckdb/database-file';
import { literal } from '../duckdb/quote';

/** `content` without the partitions whose files do not match what was recorded. */
export async function withoutMissing(stage: Stage, content: CarriedContent): Promise<CarriedContent> {
  const { counts, whole } = await rowsThere(stage, content.rows);
  const missing = new Map<number, number>();
  const errors = new Map<number, EarlierError[]>();
  for (const outcome of outcomesOf(content)) {
    if (outcome.status !== 'DONE') continue;
    const hasRows = (counts.get(outcome.ordinal) ?? 0) >= outcome.outputRows;
    if (hasRows && (await hasArtifacts(stage, outcome))) continue;
    missing.set(outcome.ordinal, outcome.attempts);
    if (outcome.earlierErrors !== undefined) errors.set(outcome.ordinal, outcome.earlierErrors);
  }
  const stays = (ordinal: number): boolean => !missing.has(ordinal);
  return {
    outcomes: content.outcomes.filter(({ outcome }) => stays(outcome.ordinal)),
    blocks: content.blocks
      .map(({ block, ...madeBy }) => ({ block: filterBlock(block, stays), ...madeBy }))
      .filter(({ block }) => block.ordinals.length > 0),
    // enforces I10: only the rows of its new call count for a partition that runs again.
    rows: whole.map(({ file, except }) => ({ file, except: [...new Set([...except, ...missing.keys()])] })),
    calls: { ...content.calls, ...Object.fromEntries(missing) },
    earlierErrors: { ...content.earlierErrors, ...Object.fromEntries(errors) },
  };
}

function* outcomesOf({ outcomes, blocks }: CarriedContent): Generator<EndedOutcome> {
  for (const { outcome } of outcomes) yield outcome;
  for (const { block } of blocks) for (const at of block.ordinals.keys()) yield outcomeAt(block, at);
}

/** Checked one after the other, because a partition may have a hundred thousand artifacts. */
async function hasArtifacts(stage: Stage, { artifacts }: EndedOutcome): Promise<boolean> {
  for (const ref of artifacts) if ((await orNullIfMissing(stage.read(ref))) === null) return false;
  return true;
}

/** Number of readable rows of each partition, and the files that contain them. */
async function rowsThere(
  stage: Stage,
  files: readonly RowsFile[],
): Promise<{ counts: Map<number, number>; whole: RowsFile[] }> {
  const counts = new Map<number, number>();
  const whole: RowsFile[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'partwise-'));
  try {
    for (const each of files) {
      const local = await orNullIfMissing(stage.localFile(each.file, folder));
      if (local === null) continue;
      whole.push(each);
      const except = new Set(each.except);
      for (const [ordinal, rows] of await rowsIn(local))
        if (!except.has(ordinal)) counts.set(ordinal, (counts.get(ordinal) ?? 0) + rows);
      // If the stage is not local, this is a copy.
      if (!stage.isLocal) await rm(local, { force: true });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { counts, whole };
}

function rowsIn(file: string): Promise<[number, number][]> {
  return withDatabase(':memory:', 'read', async (connection) => {
    const found = await queryRows<{ ord: number; rows: number }>(
      connection,
      `SELECT __partwise_ord AS ord, count(*)::DOUBLE AS rows FROM read_parquet(${literal(file)}) GROUP BY ALL`,
    );
    return found.map(({ ord, rows }) => [Number(ord), rows]);
  });
}

async function orNullIfMissing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ObjectMissing || error instanceof ObjectDamaged) return null;
    throw error;
  }
}
