/** Ids of the newest runs, for completion in a shell. */
import type { Client } from '@temporalio/client';
import type { ProjectConfig } from '../config';
import { runIdProblem } from '../input/run-id';
import { Visibility } from '../reader/visibility';
import { onRunningServer } from './running-server';
import { within } from './within';

export interface NewestRunsOptions {
  limit: number;
  /** Only ids that begin with it. */
  prefix: string;
  /** If the server does not answer by then, there are none. */
  withinMs: number;
}

export async function newestRunIds(
  project: ProjectConfig,
  { limit, prefix, withinMs }: NewestRunsOptions,
): Promise<string[]> {
  const ids = await within(
    withinMs,
    onRunningServer(project, ({ client }) => listIds(client, limit, prefix)),
  );
  // Others may have started workflows whose ids would garble a terminal.
  return (ids ?? []).filter((id) => runIdProblem(id) === null);
}

/** Costs one request for 100 executions: what each of them did does not matter here. */
async function listIds(client: Client, limit: number, prefix: string): Promise<string[]> {
  const ids = new Set<string>();
  for await (const { execution } of new Visibility(client).runs(prefix)) {
    ids.add(execution!.workflowId!);
    if (ids.size >= limit) break;
  }
  return [...ids];
}
