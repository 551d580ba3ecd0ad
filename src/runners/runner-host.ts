/** What a partition's context asks for, passed on to the worker. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContextHost } from '../functions/context';
import { withWarehouse } from '../functions/warehouse-connection';
import type { ArtifactCodec } from '../run/files';
import type { OutputCapture } from './output-capture';
import type { UnitLink } from './worker-link';

/** Progress is for people: more often than this nobody sees it. */
const HEARTBEAT_EVERY_MS = 200;

let files = 0;

export function runnerHost(
  partition: { ordinal: number; id: string },
  { scratch, warehouse }: { scratch: string; warehouse: string },
  link: UnitLink,
  output: OutputCapture,
): ContextHost & { close(): void } {
  let progress: unknown;
  let timer: NodeJS.Timeout | null = null;
  const beat = (): void => link.send({ type: 'heartbeat', ordinal: partition.ordinal, progress });
  return {
    async upload(name, bytes, codec) {
      const file = join(scratch, `upload-${++files}`);
      await writeFile(file, bytes);
      try {
        await link.ask({
          type: 'upload',
          ordinal: partition.ordinal,
          partitionId: partition.id,
          name,
          file,
          codec,
        });
      } finally {
        await rm(file, { force: true });
      }
    },
    async download(name, of, run) {
      const found = (await link.ask({ type: 'download', name, partition: of, run })) as {
        file: string;
        codec: ArtifactCodec;
      };
      return { bytes: await readFile(found.file), codec: found.codec };
    },
    withConnection: (use) => withWarehouse(warehouse, use),
    log: (text) => output.line('stdout', text),
    heartbeat(value) {
      progress = value;
      if (timer !== null) return;
      beat();
      timer = setTimeout(() => {
        timer = null;
        if (progress !== value) beat();
      }, HEARTBEAT_EVERY_MS);
      timer.unref();
    },
    close() {
      if (timer !== null) clearTimeout(timer);
    },
  };
}
