/** Stands in for the worker of a unit that is called without one: keeps what it hands over, and answers. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FileRef } from '../core/files';
import type { PackedArtifact } from '../core/outcome';
import { sha256Of } from '../files/digest';
import type { CalledHere, CallHereOptions, Uploaded } from './language';
import { assertRoom } from './scratch-room';
import type { Asked, CallResult, FromRunner } from './protocol';

export class LocalCall {
  #outcome: CallResult['outcome'] | null = null;
  readonly #rowsFiles: string[] = [];
  readonly #uploads: Uploaded[] = [];

  constructor(private readonly options: CallHereOptions) {}

  /** Null until the partition has been handed over. */
  get result(): CalledHere | null {
    const outcome = this.#outcome;
    return outcome === null ? null : { outcome, rowsFiles: this.#rowsFiles, uploads: this.#uploads };
  }

  send(message: FromRunner): void {
    if (message.type !== 'segment') return;
    const ended = message.outcomes[0];
    this.#outcome = ended?.outcome ?? this.#outcome;
    if (message.pack !== null) this.#unpack(readFileSync(message.pack), ended?.artifacts ?? []);
    if (message.rows !== null) this.#rowsFiles.push(message.rows);
  }

  #unpack(pack: Buffer, artifacts: readonly PackedArtifact[]): void {
    for (const [name, codec, offset, bytes, sha256, path] of artifacts) {
      if (path !== undefined) continue;
      this.#uploads.push({ name, codec, sha256, content: pack.subarray(offset, offset + bytes) });
    }
  }

  async ask(request: Asked, signal?: AbortSignal): Promise<unknown> {
    if (request.type === 'model') return this.options.onModel(request.partition);
    // Nobody else waits: the person who called the function reads what is full.
    if (request.type === 'room') return assertRoom(this.options.unit.scratch, request.bytes);
    if (request.type === 'download') return this.options.onDownload(request);
    const { access, signal: ofCall } = this.options;
    if (request.type === 'query') return access!.query(request, signal ?? ofCall);
    if (request.type === 'rows') return access!.rows(request, signal ?? ofCall);
    const { name, file, codec } = request;
    const content = await readFile(file);
    const sha256 = sha256Of(content);
    this.#uploads.push({ name, content, sha256, codec });
    return { path: name, bytes: content.length, sha256 } satisfies FileRef;
  }
}
