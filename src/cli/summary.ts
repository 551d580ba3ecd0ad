/** The summary shown when a run has ended. */
import { FAILURE_STATUSES } from '../core/status';
import type { FailureGroup, PartitionView, RunHandle, RunState } from '..';
import type { Suggest } from './invocation';
import { nextCommands } from './render/next-commands';
import { renderRows } from './render/rows';
import { renderRunState } from './render/run-state';
import { cleanLines } from '../display/text';
import { note, paint, print, widthOfTerminal } from './terminal';

const MAX_ROWS = 20;

/** Prints the run's state, the causes of failures, the combined rows and suggested commands. */
export async function summarise(handle: RunHandle, state: RunState, suggest: Suggest): Promise<void> {
  const failures = await handle.failures();
  const width = widthOfTerminal();
  print('');
  print(renderRunState(state, failures, width, paint));
  if (state.counts.DONE > 0) await preview(handle, width);
  if (state.counts.total > 0) print(`\n${await suggestions(handle, state, failures, suggest)}`);
}

/** Rows that cannot be shown leave the rest of the summary as it is. */
async function preview(handle: RunHandle, width: number): Promise<void> {
  try {
    const rows = await handle.results({ limit: MAX_ROWS });
    const total = rows.length < MAX_ROWS ? rows.length : await handle.countResults();
    if (rows.length > 0) print(`\n${renderRows(rows, MAX_ROWS, width, paint, total)}`);
  } catch (error) {
    note(`\nThe rows cannot be shown. ${cleanLines((error as Error).message)}`);
  }
}

export async function suggestions(
  handle: RunHandle,
  state: RunState,
  failures: readonly FailureGroup[],
  suggest: Suggest,
): Promise<string> {
  const { partitions } = await handle.partitions({ status: 'DONE', limit: 1 });
  const hasArtifacts = partitions.some(({ artifacts }) => artifacts.length > 0);
  return nextCommands({ state, failures, hasArtifacts, suggest }, widthOfTerminal(), paint);
}

/** At most `limit` failed partitions. */
export async function firstFailures(
  handle: RunHandle,
  { counts }: RunState,
  limit: number,
): Promise<PartitionView[]> {
  const found: PartitionView[] = [];
  for (const status of FAILURE_STATUSES) {
    if (counts[status] === 0 || found.length >= limit) continue;
    const page = await handle.partitions({ status, limit: limit - found.length });
    found.push(...page.partitions);
  }
  return found;
}
