/** Which partitions a retry would run: what planning decides, without starting anything. */
import { carriedOrdinals } from '../core/carried';
import type { RetryInput } from '../core/input';
import { Refusal } from '../core/refusal';
import { shellWord } from '../core/shell-word';
import { withoutMissing } from '../planning/missing-files';
import { carriedOver } from '../planning/continue-run';
import { resumeRun } from '../planning/resumed-run';
import type { RunReader } from '../reader/run-reader';
import type { SelectedPartitions } from '../reader/types';
import { damagedLocators, readLocators } from '../stored/locators';
import { refusing } from './refusing';
import { stillRunning } from './start';

/** `reader` reads the newest execution. */
export function previewRetry(reader: RunReader, changes: RetryInput): Promise<SelectedPartitions> {
  return refusing(async () => {
    const reading = await reader.read();
    const { record, state } = reading;
    if (state.endedAt === null) throw stillRunning(reader.runId);
    const { plan, opened } = record;
    if (plan === null || opened === null) throw unplanned(reader.runId);
    const stage = reader.stage(record)!;
    const { damaged } = await readLocators(stage, reader.runId);
    if (damaged.length > 0) {
      const damage = damagedLocators(stage, reader.runId, damaged, { overwritable: true });
      throw new Refusal('StageDamaged', [damage]);
    }
    const raw = { ...changes, onExisting: 'retry' as const };
    const { problems, selected, rerunMissing } = await resumeRun(raw, { reader, reading }, stage);
    if (problems.length > 0) throw new Refusal('InvalidInput', [...new Set(problems)]);
    const done = await carriedOver(stage, reader, reading, null, { execution: plan.execution });
    const wasDone = carriedOrdinals(done);
    const staysDone = rerunMissing ? carriedOrdinals(await withoutMissing(stage, done)) : wasDone;
    const ordinals = new Int32Array(plan.partitions);
    let partitions = 0;
    for (let ordinal = 0; ordinal < plan.partitions; ordinal++) {
      // DONE partitions whose files are missing run again whatever is selected.
      const mayRun = selected === null || selected.has(ordinal) || wasDone.has(ordinal);
      if (mayRun && !staysDone.has(ordinal)) ordinals[partitions++] = ordinal;
    }
    return { partitions, ordinals: ordinals.slice(0, partitions) };
  });
}

function unplanned(runId: string): Refusal {
  return new Refusal('InvalidInput', [
    `The run "${runId}" ended before it was planned, so a retry would plan it again, and its partitions are not known yet: ` +
      `see partwise status ${shellWord(runId)}.`,
  ]);
}
