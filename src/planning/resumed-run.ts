/** The run that an execution with `onExisting: "retry"` continues, read and checked before it takes its place. */
import type { Context } from '@temporalio/activity';
import { isNotFound } from '../reader/histories/history-source';
import { NoSuchRun, UnreadableHistory } from '../reader/errors';
import type { Locator } from '../stored/locators';
import { RunReader, type Reading } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import { openShards } from '../reader/histories/shards-reading';
import { resumedInput } from '../input/continue-input';
import type { RunInput } from '../core/input';
import type { OpenedRun } from '../core/plan';
import { Refusal } from '../core/refusal';
import type { Stage } from '../stage';
import { assertSnapshotThere, narrowTo } from './continue-run';
import { readChain } from './run-chain';

/** An earlier execution, read. */
export interface Previous {
  reader: RunReader;
  reading: Reading;
}

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
  stage: Stage,
  context: Context,
): Promise<ResumedRun | null> {
  const { workflowId: runId, runId: workflowRunId } = context.info.workflowExecution!;
  const { previous, damage } = await readChain(context.client, stage, { runId, workflowRunId });
  // enforces I4: what a damaged locator stands for may have recorded more than those that can be read.
  if (damage !== null) throw new Refusal('StageDamaged', [damage]);
  if (previous === null) return null;
  const found = await readPrevious(context, stage, previous);
  if (found === null) throw forgotten(runId);
  const { record } = found.reading;
  const { input, problems } = resumedInput(raw, inputOf(record.opened!));
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
  '"rerunMissing" would append rows a second time that the run has appended already ("output.mode" is "append"): ' +
  'restore the files from a backup, or name another output table.';

/** What the run was given, with the time that it is for, which may be its schedule's word. */
export function inputOf({ input, scheduledTime }: OpenedRun): RunInput {
  return scheduledTime === null ? input : { ...input, scheduledTime };
}

/** Null when the server has forgotten it, and the stage has no archive of it. */
export async function readPrevious(
  { client }: Context,
  stage: Stage,
  { runId, workflowRunId }: Locator,
): Promise<Previous | null> {
  const reader = new RunReader(new ServerRun(client, runId, workflowRunId, stage.uri));
  try {
    const reading = await reader.read();
    // Shards of a run that was terminated are ended after it, and may begin units until then (I4). This is tried again.
    if (!reading.state.archived && openShards(reading.record).length > 0)
      throw new Error(`The shards of the execution ${workflowRunId} of "${runId}" have not ended yet.`);
    return { reader, reading };
  } catch (error) {
    if (error instanceof NoSuchRun || error instanceof UnreadableHistory || isNotFound(error)) return null;
    throw error;
  }
}

function forgotten(runId: string): Refusal {
  return new Refusal('RunExists', [
    `The run "${runId}" was here, but Temporal has forgotten its history (retention) and the stage has no archive of it, so it cannot be continued: ` +
      `take a new snapshot with onExisting "overwrite" (--on-existing overwrite), or choose another id.`,
  ]);
}
