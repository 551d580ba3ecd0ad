/**
 * `context.download`: an artifact of a recorded partition, of this run or another, found through history
 * (I3).
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { ExecutionRef } from '../histories/history-source';
import { PartitionReader } from './partition-handle';
import { RunReader } from '../run-reader';
import { ServerRun } from '../run-source';
import type { ArtifactCodec } from '../../core/files';
import { runIdOf } from '../../core/units/shards';

export interface DownloadRequest {
  name: string;
  partition: string;
  /** null: the run that makes the request. */
  run: string | null;
}

export interface DownloadedArtifact {
  /** A local copy. */
  file: string;
  codec: ArtifactCodec;
}

/**
 * `own` is the requesting execution, or one of its shards, and its stage, which may have another run's
 * archive.
 */
export async function downloadArtifact(
  client: Client,
  own: { workflowId: string; runId: string; stage: string },
  { name, partition, run }: DownloadRequest,
  folder: string,
): Promise<DownloadedArtifact> {
  const { workflowId, runId } = await executionOf(client, own);
  const isOwn = run === null || run === workflowId;
  const reader = new RunReader(new ServerRun(client, run ?? workflowId, isOwn ? runId : null, own.stage));
  const { bytes, ref } = await new PartitionReader(reader, partition).artifact(name);
  const file = join(folder, `download-${randomUUID()}`);
  await writeFile(file, bytes);
  return { file, codec: ref.codec };
}

/** A shard's run is its parent. */
async function executionOf(client: Client, own: ExecutionRef): Promise<ExecutionRef> {
  if (runIdOf(own.workflowId) === own.workflowId) return own;
  const { raw } = await client.workflow.getHandle(own.workflowId, own.runId).describe();
  const parent = raw.workflowExecutionInfo!.parentExecution;
  return parent?.workflowId == null ? own : { workflowId: parent.workflowId, runId: parent.runId! };
}
