/** What an embedded server's worker adds so that it acts only on what the project itself wrote. */
import { asyncLocalStorage, ApplicationFailure, type Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { ActivitySerializationContext, DataConverter } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { SHARD_TYPE } from '../reader/visibility';
import { isNotFound } from '../reader/histories/history-source';
import { runIdOf } from '../core/units/shards';
import { inputOf } from '../core/provenance';
import { sealing, type SealCodec } from '../trust/seal-codec';
import { recordedStart } from '../reader/recorded-start';
import type { ProjectSecret } from '../trust/secret';
import { isProven } from '../trust/start-proof';
import { WORKFLOW_TYPE } from '../core/workflow';

export interface WorkerGuard {
  dataConverter: DataConverter;
  activities: ActivityInterceptorsFactory;
}

/** `client`: ends runs. */
export function guardWorker(
  secret: ProjectSecret,
  client: Client,
  inner: DataConverter | undefined,
): WorkerGuard {
  const { dataConverter, codec } = sealing(inner, {
    secret,
    runningActivity: () => asyncLocalStorage.getStore()?.info.activityType ?? null,
    onForged: endingRuns(client),
  });
  return { dataConverter, activities: (context) => ({ inbound: onlyOwnInputs(codec, context) }) };
}

/**
 * Of an input that is as sealed, but for another activity, nothing is run. What a run is started with has a
 * proof of its own.
 */
function onlyOwnInputs(
  codec: SealCodec,
  { info }: Context,
): ReturnType<ActivityInterceptorsFactory>['inbound'] {
  return {
    execute(input, next) {
      const { activityId, activityType, workflowExecution } = info;
      const made = codec.takeInput(workflowExecution?.workflowId ?? '', activityId);
      // enforces I13
      if (activityType === 'openRun' || made === inputOf(activityType)) return next(input);
      throw ApplicationFailure.nonRetryable(
        `The activity ${activityType} was not scheduled by a run of this project's worker, so nothing was run.`,
        'NotTrusted',
      );
    },
  };
}

/** Once for each workflow: tasks that fail are tried again until the server knows that it has ended. */
function endingRuns(client: Client): (context: ActivitySerializationContext) => void {
  const ending = new Set<string>();
  return ({ workflowId, activityId }) => {
    if (workflowId === undefined || ending.has(workflowId)) return;
    ending.add(workflowId);
    void terminate(client, workflowId, forged(activityId ?? ''))
      .catch(() => {})
      .finally(() => ending.delete(workflowId));
  };
}

function forged(activityId: string): string {
  return (
    `the input or result of its activity "${activityId}" was not written by this project's worker. Somebody else who reaches the server's port wrote it, ` +
    "or the project's secret (.partwise/secret.json) is not the one that the run began with. partwise retry goes on from what was recorded before"
  );
}

/**
 * Ends runs that were begun before the project had its secret: by an earlier release, or with a secret that
 * was lost. What their history holds cannot be told from what anybody might have put there.
 */
export async function endEarlierRuns(client: Client, secret: ProjectSecret): Promise<void> {
  const query =
    `ExecutionStatus = 'Running' AND StartTime < '${new Date(secret.createdAt).toISOString()}' ` +
    `AND WorkflowType IN ('${WORKFLOW_TYPE}', '${SHARD_TYPE}')`;
  for await (const { workflowId } of client.workflow.list({ query })) {
    // Times may lie: a clock that was ahead when the secret was made. The proof of a run, and so of its
    // shards, does not.
    if (await isProvenRun(client, secret, runIdOf(workflowId))) continue;
    await terminate(
      client,
      workflowId,
      "it began before the project's secret (.partwise/secret.json) was made: with an earlier release, or the secret was lost. " +
        'partwise retry goes on from what was recorded',
    );
  }
}

async function isProvenRun(client: Client, secret: ProjectSecret, runId: string): Promise<boolean> {
  try {
    const { proof, input } = await recordedStart(client, { workflowId: runId });
    return isProven(secret, runId, await input(), proof);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

async function terminate(client: Client, workflowId: string, reason: string): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).terminate(reason);
  } catch (error) {
    if (!isNotFound(error) && (error as Error).name !== 'WorkflowNotFoundError') throw error;
  }
}
