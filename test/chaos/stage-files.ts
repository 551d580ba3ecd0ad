/** The files on the stage, whether an outcome names them or not. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeOrdinals } from '../../src/core/units/ordinals';
import type { DoneRecord } from '../../src/core/outcome';

/** Paths relative to the stage. */
export function stageFiles(stage: string): string[] {
  return readdirSync(stage, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(stage.length + 1));
}

/** An object is complete or absent, even after attempts that were killed. */
export function assertStageWhole(stage: string): void {
  for (const file of stageFiles(stage)) {
    // Unfinished objects of killed processes: no listing shows them.
    if (file.startsWith('.partial/') || file === '.partwise-stage') continue;
    const bytes = readFileSync(join(stage, file));
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

/** The DONE outcomes in checkpoints, with the time at which each checkpoint appeared. */
export async function segmentTimes(
  stage: string,
): Promise<{ ordinal: number; at: number; segment: string }[]> {
  return stageFiles(stage)
    .filter((file) => /\/segments\/seg-\d+\.jsonl$/.test(file))
    .flatMap((segment) => {
      const lines = unsealed(readFileSync(join(stage, segment))) ?? [];
      // The link that publishes it changes the inode.
      const at = statSync(join(stage, segment)).ctimeMs;
      return lines
        .flatMap((each) => {
          const { done, outcome } = JSON.parse(each) as {
            done?: DoneRecord;
            outcome?: { ordinal: number; status: string };
          };
          if (done !== undefined) return decodeOrdinals(done.ordinals);
          return outcome?.status === 'DONE' ? [outcome.ordinal] : [];
        })
        .map((ordinal) => ({ ordinal, at, segment }));
    });
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
