/**
 * Reads and checks the run that an execution with `onExisting: "retry"` continues, before the execution takes
 * its place.
 */
import { resumedInput } from '../input/continue-input';
import type { RunInput } from '../core/input';
import { Refusal } from '../core/refusal';
import type { Stage } from '../stage';
import { assertSnapshotThere } from './continue-run';
import { givenInput } from './opened-run';
import { selectedOrdinals } from './selected-partitions';
import type { EarlierExecutions, Previous } from './earlier-executions';

export interface ResumedRun extends Previous {
  /** The run's input with the continuation's changes. */
  input: RunInput;
  /** Problems with changes that the continuation may not make. */
  problems: string[];
  /** Whether DONE partitions with missing files run again. */
  rerunMissing: boolean;
  /** Ordinals that the continuation may run; null: all that are not DONE. */
  selected: ReadonlySet<number> | null;
}

/** Null if there is nothing to continue, in which case this is a new run. */
export async function findResumedRun(
  raw: Partial<RunInput>,
  earlier: EarlierExecutions,
): Promise<ResumedRun | null> {
  const { stage } = earlier;
  const { previous, damage } = await earlier.chain();
  // enforces I4: the execution of a damaged locator may have recorded more than the readable ones.
  if (damage !== null) throw new Refusal('StageDamaged', [damage]);
  if (previous === null) return null;
  const found = await earlier.previous();
  if (found === null) throw forgotten(previous.runId);
  return resumeRun(raw, found, stage);
}

/** Checks the changes of a continuation, and finds the partitions that it may run. */
export async function resumeRun(raw: Partial<RunInput>, found: Previous, stage: Stage): Promise<ResumedRun> {
  const { record, state } = found.reading;
  const { input, problems } = resumedInput(raw, givenInput(record.opened!));
  const rerunMissing = raw.rerunMissing === true;
  // enforces I10
  if (rerunMissing && state.commit !== null && hasAppended(input)) problems.push(APPENDED);
  await assertSnapshotThere(stage, record.plan!);
  const selected = problems.length > 0 ? null : await selectedOrdinals(stage, found, raw);
  return { ...found, input, problems, selected, rerunMissing };
}

function hasAppended({ output }: RunInput): boolean {
  return output != null && 'mode' in output && output.mode === 'append';
}

const APPENDED =
  '"rerunMissing" would append rows that the run has already appended ("output.mode" is "append"): ' +
  'restore the files from a backup, or use another output table.';

function forgotten(runId: string): Refusal {
  return new Refusal('RunExists', [
    `The history of the run "${runId}" has expired in Temporal (retention), and the stage has no archive of it, so it cannot be continued: ` +
      `take a new snapshot with onExisting "overwrite" (--on-existing overwrite), or choose another id.`,
  ]);
}
