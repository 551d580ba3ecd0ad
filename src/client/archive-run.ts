/**
 * Archives a run that has ended: the full history of each execution that the server still has.
 */
import { shellWord } from '../core/shell-word';
import type { Client } from '@temporalio/client';
import type { OpenedRun } from '../core/opened-run';
import { openStage, type Stage } from '../stage';
import { CannotArchive } from '../reader/errors';
import { HistorySource } from '../reader/histories/history-source';
import type { RunReader } from '../reader/run-reader';
import type { RunArchive } from '../reader/types';
import { archiveExecution } from '../reader/archive/execution';

export async function archiveRun(client: Client, reader: RunReader): Promise<RunArchive> {
  const { runId } = reader;
  const { state, record } = await reader.read();
  if (record.closed === null) {
    throw new CannotArchive(
      `The run "${runId}" is still running, and is archived when it ends. To stop it, run: partwise cancel ${shellWord(runId)}`,
    );
  }
  const { opened } = record;
  if (opened === null) {
    throw new CannotArchive(
      `The run "${runId}" was refused before it had a stage, so there is nothing to archive.`,
    );
  }
  const stage = await openRunStage(opened);
  const executions: RunArchive['executions'] = [];
  for (const { workflowRunId, generation, execution } of state.executions) {
    if (generation === null || execution === null) continue;
    const place = { runId, generation, execution };
    const archived = await archiveExecution(new HistorySource(client), stage, place, workflowRunId);
    executions.push({ generation, execution, workflowRunId, ...archived });
  }
  return { stage: stage.uri, executions };
}

async function openRunStage({ stage: uri, stageToken }: OpenedRun): Promise<Stage> {
  const stage = openStage(uri);
  if ((await stage.token({ create: false })) === stageToken) return stage;
  throw new CannotArchive(
    `The stage ${uri} that the run was planned on cannot be reached from here: mount the same folder, or archive the run on a machine that can reach it.`,
  );
}
