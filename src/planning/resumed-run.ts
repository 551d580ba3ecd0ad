/**
 * The run that an execution with `onExisting: "retry"` continues, read and checked before it takes its place.
 */
import { resumedInput } from '../input/continue-input';
import type { RunInput } from '../core/input';
import { Refusal } from '../core/refusal';
import { assertSnapshotThere, narrowTo } from './continue-run';
import { givenInput } from './opened-run';
import type { EarlierExecutions, Previous } from './run-chain';

export interface ResumedRun extends Previous {
  /** The run's input, with what the continuation changes. */
  input: RunInput;
  /** What the continuation may not change. */
  problems: string[];
  /** Whether DONE partitions whose files are gone run again. */
  rerunMissing: boolean;
  /** Ordinals that it may run; null: all that are not DONE. */
  selected: ReadonlySet<number> | null;
}

/** Null when there is nothing to continue: then it is a run like any other. */
export async function findResumedRun(
  raw: Partial<RunInput>,
  earlier: EarlierExecutions,
): Promise<ResumedRun | null> {
  const { stage } = earlier;
  const { previous, damage } = await earlier.chain();
  // enforces I4: what a damaged locator stands for may have recorded more than those that can be read.
  if (damage !== null) throw new Refusal('StageDamaged', [damage]);
  if (previous === null) return null;
  const found = await earlier.previous();
  if (found === null) throw forgotten(previous.runId);
  const { record } = found.reading;
  const { input, problems } = resumedInput(raw, givenInput(record.opened!));
  const rerunMissing = raw.rerunMissing === true;
  // enforces I10
  if (rerunMissing && found.reading.state.commit !== null && hasAppended(input)) problems.push(APPENDED);
  await assertSnapshotThere(stage, record.plan!);
  const selected = problems.length > 0 ? null : await narrowTo(stage, record.plan!, raw.only ?? null);
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
