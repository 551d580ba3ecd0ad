/** Handles requests of a partition's context, here or through the worker. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContextHost } from '../../functions/context';
import { untilRoom } from '../../files/full-disk';
import { toBind } from '../../functions/bind';
import type { WarehouseConnection } from '../../functions/types';
import { withWarehouse } from '../../functions/warehouse-connection';
import type { ArtifactCodec, FileRef } from '../../core/files';
import { partitionSql } from '../../core/push-down';
import { MAX_PACKED_BYTES, type ArtifactPack } from './artifact-pack';
import type { CallOf, OutputCapture } from './output-capture';
import { keptModel } from './kept-models';
import type { QueryAnswer } from '../../core/warehouse-access';
import type { RunnerUnit } from '../protocol';
import type { UnitLink } from './worker-link';
import { InvalidResult } from '../../rows/invalid-result';
import type { ModelSerde } from '../../functions/model-hooks';
import type { ModelFile } from '../../models/types';
import type { PackedArtifact } from '../../core/outcome';

/** Progress is for people, who would not notice more frequent changes. */
const HEARTBEAT_EVERY_MS = 200;

/**
 * A partition outside a batch gets this many separate files for artifacts; the rest is packed, since a file
 * costs more than a small function.
 */
const MAX_FILES = 100;
/** Total size of the running call's small artifacts that are held in memory. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

/** An artifact of the running call. */
type Upload = { name: string; codec: ArtifactCodec } & ({ content: Uint8Array } | { ref: FileRef });

let files = 0;

export class RunnerHost implements ContextHost {
  readonly #uploads: Upload[] = [];
  #held = 0;
  #files = 0;
  #progress: unknown;
  #timer: NodeJS.Timeout | null = null;
  /** Aborts queries when the call has ended. */
  #ended: AbortController | null = null;

  constructor(
    private readonly call: Omit<CallOf, 'unit'> & { id: string },
    private readonly unit: Pick<
      RunnerUnit,
      'scratch' | 'warehouse' | 'access' | 'pushDown' | 'isBatch' | 'models' | 'confinement'
    >,
    private readonly link: UnitLink,
    private readonly output: OutputCapture,
    /** Returns the signal that is aborted when the call is cancelled. Created on first use. */
    private readonly signal: () => AbortSignal,
  ) {}

  get scratch(): string {
    return this.unit.scratch;
  }

  async upload(name: string, bytes: Uint8Array, codec: ArtifactCodec): Promise<void> {
    if (this.#isPacked(bytes.length)) {
      this.#held += bytes.length;
      this.#uploads.push({ name, codec, content: bytes });
      return;
    }
    this.#files++;
    this.#uploads.push({ name, codec, ref: await this.#put(name, bytes, codec) });
  }

  #isPacked(bytes: number): boolean {
    const isMany = this.unit.isBatch || this.#files >= MAX_FILES;
    return isMany && bytes <= MAX_PACKED_BYTES && this.#held + bytes <= MAX_HELD_BYTES;
  }

  async #put(name: string, bytes: Uint8Array, codec: ArtifactCodec): Promise<FileRef> {
    const { ordinal, attempt, id: partitionId } = this.call;
    const file = join(this.unit.scratch, `upload-${++files}`);
    try {
      await untilRoom((room) => this.link.ask({ type: 'room', bytes: room }))(() => writeFile(file, bytes));
      const request = { type: 'upload', ordinal, partitionId, attempt, name, file, codec } as const;
      return (await this.link.ask(request)) as FileRef;
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Returns the artifacts of the ended call, adding small ones to the pack. */
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

  async model<Model>(partition: string, serde: ModelSerde<Model>): Promise<Model | null> {
    const { models } = this.unit;
    if (models === undefined) return null;
    return keptModel(`${models.root.sha256}/${serde.filename}/${partition}`, async () => {
      const found = (await this.link.ask({ type: 'model', partition })) as ModelFile | null;
      if (found === null) return null;
      const bytes = await readFile(found.file);
      await rm(found.file, { force: true });
      if (found.name === serde.filename) return { model: await serde.read(bytes), bytes: bytes.length };
      throw new InvalidResult(
        `The model of "${partition}" is stored as "${found.name}", but this function reads "${serde.filename}". Train it again, or read it with the serde that wrote it.`,
      );
    });
  }

  async withConnection<T>(use: (warehouse: WarehouseConnection) => T | Promise<T>): Promise<T> {
    const { warehouse, access, pushDown, confinement = null } = this.unit;
    const partition = pushDown === null ? null : partitionSql(pushDown, this.call.id, Date.now());
    if (access === undefined) {
      // A lock is not the function's fault, so it is not charged an attempt.
      const onLocked = (message: string): void => this.log(message);
      return withWarehouse(warehouse, { partition, confinement, signal: this.signal(), onLocked }, use);
    }
    const over = new AbortController();
    this.#ended ??= new AbortController();
    const signal = AbortSignal.any([over.signal, this.#ended.signal, this.signal()]);
    try {
      return await use({ partition, query: (sql, values) => this.#query(sql, values ?? [], signal) });
    } finally {
      over.abort(
        new TypeError(
          'The callback of context.withConnection has ended, and its connection with it: await every query in the callback.',
        ),
      );
    }
  }

  async #query<R>(sql: string, values: readonly unknown[], signal: AbortSignal): Promise<R[]> {
    const binds = values.map((value, i) => toBind(value, `Value ${i + 1} of query`));
    const { id: partitionId, attempt } = this.call;
    const answer = (await this.link.ask(
      { type: 'query', partitionId, attempt, sql, binds },
      signal,
    )) as QueryAnswer;
    return answer.rows.map((row) => Object.fromEntries(answer.names.map((name, i) => [name, row[i]]))) as R[];
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
    // enforces I12: a query that the function did not await ends with the call.
    this.#ended?.abort(new Error(`Partition "${this.call.id}" has ended.`));
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #beat(): void {
    this.link.send({ type: 'heartbeat', ordinal: this.call.ordinal, progress: this.#progress });
  }
}
