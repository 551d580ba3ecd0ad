/** `context.download`: an artifact of a recorded partition, of this run or another, found through history (I3). */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { PartitionReader } from '../client/partition-handle';
import { RunReader } from '../client/run-reader';
import type { ArtifactCodec } from '../run/files';

export interface DownloadRequest {
  name: string;
  partition: string;
  /** null: the run that asks. */
  run: string | null;
}

export interface DownloadedArtifact {
  /** A local copy. */
  file: string;
  codec: ArtifactCodec;
}

/** `own`: the execution that asks. */
export async function downloadArtifact(
  client: Client,
  own: { workflowId: string; runId: string },
  { name, partition, run }: DownloadRequest,
  folder: string,
): Promise<DownloadedArtifact> {
  const reader =
    run === null || run === own.workflowId
      ? new RunReader(client, own.workflowId, own.runId)
      : new RunReader(client, run, null);
  const { bytes, ref } = await new PartitionReader(reader, partition).artifact(name);
  const file = join(folder, `download-${randomUUID()}`);
  await writeFile(file, bytes);
  return { file, codec: ref.codec };
}
