/** The files on the stage, whether an outcome names them or not. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeOrdinals } from '../../src/core/units/ordinals';
import type { DoneRecord } from '../../src/core/outcome';
import type { RecordedAt, World } from './world';

/** Paths relative to the stage. */
export function stageFiles(stage: string): string[] {
  return readdirSync(stage, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(stage.length + 1));
}

/** Its content: decrypted, if the stage is encrypted. */
export async function contentOf(world: World, file: string): Promise<Buffer> {
  return world.scenario.encrypted
    ? Buffer.from(await world.openStage().get(file))
    : readFileSync(join(world.stage, file));
}

/** An object is complete or absent, even after attempts that were killed. */
export async function assertStageWhole(world: World): Promise<void> {
  for (const file of stageFiles(world.stage)) {
    // Unfinished objects of killed processes: no listing shows them.
    if (file.startsWith('.partial/') || file === '.partwise-stage') continue;
    const bytes = await contentOf(world, file);
    if (file.endsWith('.jsonl') && unsealed(bytes) === null && !file.includes('/logs/'))
      throw new Error(`"${file}" on the stage has no seal: it is half a file.`);
    if (file.endsWith('.parquet') && bytes.subarray(-4).toString('latin1') !== 'PAR1')
      throw new Error(`"${file}" on the stage is half a Parquet file.`);
    if (file.endsWith('/call.bin')) {
      const token = bytes.subarray(0, 36).toString('latin1');
      const text = bytes.toString('latin1');
      if (text.length < 36 || !token.repeat(Math.ceil(text.length / 36)).startsWith(text))
        throw new Error(`"${file}" on the stage is no whole artifact.`);
    }
    if (file.endsWith('/call.json')) JSON.parse(bytes.toString('utf8'));
  }
}

export async function segmentTimes(world: World): Promise<RecordedAt[]> {
  const found: RecordedAt[] = [];
  for (const segment of stageFiles(world.stage)) {
    if (!/\/segments\/seg-\d+\.jsonl$/.test(segment)) continue;
    // The link that publishes it changes the inode.
    const at = statSync(join(world.stage, segment)).ctimeMs;
    for (const line of unsealed(await contentOf(world, segment)) ?? []) {
      const { done, outcome } = JSON.parse(line) as {
        done?: DoneRecord;
        outcome?: { ordinal: number; status: string };
      };
      const ordinals =
        done !== undefined
          ? decodeOrdinals(done.ordinals)
          : outcome?.status === 'DONE'
            ? [outcome.ordinal]
            : [];
      for (const ordinal of ordinals) found.push({ ordinal, at, segment });
    }
  }
  return found;
}

function unsealed(bytes: Buffer): string[] | null {
  const lines = bytes.toString('utf8').split('\n').filter(Boolean);
  const seal = lines.pop();
  const sha256 = createHash('sha256').update(lines.join('\n')).digest('hex');
  const withEnd = createHash('sha256')
    .update(lines.map((each) => `${each}\n`).join(''))
    .digest('hex');
  return seal === JSON.stringify({ sha256 }) || seal === JSON.stringify({ sha256: withEnd }) ? lines : null;
}
