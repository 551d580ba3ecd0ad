/** Makes an embedded server's worker act only on data that the project itself wrote. */
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

/** `client` is used to terminate runs. */
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
 * Refuses an input that is sealed correctly, but for another activity. The input of a run has its own proof.
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
        `The activity ${activityType} was not scheduled by a run of this project's worker, so it was not executed.`,
        'NotTrusted',
      );
    },
  };
}

/** Terminates each workflow once: failing tasks are retried until the server has recorded its end. */
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
    `the input or result of its activity "${activityId}" was not written by this project's worker. Another process that can reach the server's port wrote it, ` +
    "or the project's secret (.partwise/secret.json) is not the one that the run started with. partwise retry continues from what was recorded before"
  );
}

/**
 * Terminates runs that were started before the project had its current secret: by an earlier release, or with
 * a secret that was lost. The content of their history cannot be distinguished from forged data.
 */
export async function endEarlierRuns(client: Client, secret: ProjectSecret): Promise<void> {
  const query =
    `ExecutionStatus = 'Running' AND StartTime < '${new Date(secret.createdAt).toISOString()}' ` +
    `AND WorkflowType IN ('${WORKFLOW_TYPE}', '${SHARD_TYPE}')`;
  for await (const { workflowId } of client.workflow.list({ query })) {
    // Times can be wrong, for example if the clock was ahead when the secret was created. The proof of a run,
    // and so of its shards, cannot.
    if (await isProvenRun(client, secret, runIdOf(workflowId))) continue;
    await terminate(
      client,
      workflowId,
      "it was started before the project's secret (.partwise/secret.json) was created: with an earlier release, or the secret was lost. " +
        'partwise retry continues from what was recorded',
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
