/** What a partition's context asks for: done here, or passed on to the worker. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContextHost } from '../functions/context';
import type { WarehouseConnection } from '../functions/types';
import { withWarehouse } from '../functions/warehouse-connection';
import type { PackedArtifact } from '../run/done-block';
import type { ArtifactCodec, FileRef } from '../run/files';
import { MOST_PACKED_BYTES, type ArtifactPack } from './artifact-pack';
import type { CallOf, OutputCapture } from './output-capture';
import type { UnitLink } from './worker-link';

/** Progress is for people: more often than this nobody sees it. */
const HEARTBEAT_EVERY_MS = 200;

/** An artifact of a call that runs. */
type Upload = { name: string; codec: ArtifactCodec } & ({ content: Uint8Array } | { ref: FileRef });

let files = 0;

export class RunnerHost implements ContextHost {
  readonly #uploads: Upload[] = [];
  #progress: unknown;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly call: CallOf & { id: string },
    private readonly unit: { scratch: string; warehouse: string; isBatch: boolean },
    private readonly link: UnitLink,
    private readonly output: OutputCapture,
  ) {}

  async upload(name: string, bytes: Uint8Array, codec: ArtifactCodec): Promise<void> {
    // The caller's bytes may be other ones when the call has ended.
    if (this.unit.isBatch && bytes.length <= MOST_PACKED_BYTES)
      this.#uploads.push({ name, codec, content: Uint8Array.from(bytes) });
    else this.#uploads.push({ name, codec, ref: await this.#put(name, bytes, codec) });
  }

  async #put(name: string, bytes: Uint8Array, codec: ArtifactCodec): Promise<FileRef> {
    const { ordinal, attempt, id: partitionId } = this.call;
    const file = join(this.unit.scratch, `upload-${++files}`);
    await writeFile(file, bytes);
    try {
      const request = { type: 'upload', ordinal, partitionId, attempt, name, file, codec } as const;
      return (await this.link.ask(request)) as FileRef;
    } finally {
      await rm(file, { force: true });
    }
  }

  /** The artifacts of the call, which has ended; small ones go into the pack. */
  artifacts(pack: ArtifactPack): PackedArtifact[] {
    return this.#uploads.map((upload) => {
      const { name, codec } = upload;
      if ('content' in upload) return pack.add(name, codec, upload.content);
      const { path, bytes, sha256 } = upload.ref;
      return [name, codec, 0, bytes, sha256, path];
    });
  }

  async download(
    name: string,
    partition: string,
    run: string | null,
  ): Promise<{ bytes: Uint8Array; codec: ArtifactCodec }> {
    const found = (await this.link.ask({ type: 'download', name, partition, run })) as {
      file: string;
      codec: ArtifactCodec;
    };
    return { bytes: await readFile(found.file), codec: found.codec };
  }

  withConnection<T>(use: (warehouse: WarehouseConnection) => T | Promise<T>): Promise<T> {
    return withWarehouse(this.unit.warehouse, use);
  }

  log(text: string): void {
    this.output.line('stdout', text);
  }

  heartbeat(value: unknown): void {
    this.#progress = value;
    if (this.#timer !== null) return;
    this.#beat();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#progress !== value) this.#beat();
    }, HEARTBEAT_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #beat(): void {
    this.link.send({ type: 'heartbeat', ordinal: this.call.ordinal, progress: this.#progress });
  }
}
