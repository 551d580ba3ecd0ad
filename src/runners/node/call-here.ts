/**
 * Calls a unit's function in this process, with the runners' loop, for debuggers and for trying out a
 * function. No limits apply, and `process.exit` ends this process.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FileRef } from '../../core/files';
import type { CalledHere, CallHereOptions, Uploaded } from '../language';
import type { CallResult, FromRunner } from '../protocol';
import { accessOf } from '../runner-unit';
import { OutputCapture } from './output-capture';
import { UnitDatabases } from './unit-databases';
import { UnitLoop } from './unit-loop';
import type { Asked, UnitLink } from './worker-link';
import type { PackedArtifact } from '../../core/outcome';
import { sha256Of } from '../../files/digest';

/** Rejects if the function could not be called. */
export async function callHere(options: CallHereOptions): Promise<CalledHere> {
  const { signal } = options;
  const unit = { ...options.unit, ...accessOf(options.access) };
  // So that stack traces refer to the user's file instead of the bundle.
  process.setSourceMapsEnabled(true);
  const link = new LocalLink(options);
  const output = new OutputCapture((lines) => lines.forEach(options.onLog));
  const databases = new UnitDatabases();
  const loop = new UnitLoop(unit, link, output, databases);
  const cancel = (): void => loop.abort({ type: 'abort', reason: 'cancelled' });
  const fail = (error: unknown): void => {
    if (!loop.fail(output.call.getStore() ?? output.current, error)) throw error;
  };
  signal.addEventListener('abort', cancel, { once: true });
  process.on('uncaughtException', fail).on('unhandledRejection', fail);
  const release = output.install();
  try {
    await loop.run();
  } finally {
    databases.close();
    release();
    process.off('uncaughtException', fail).off('unhandledRejection', fail);
    signal.removeEventListener('abort', cancel);
  }
  return { outcome: link.outcome!, rowsFiles: link.rowsFiles, uploads: link.uploads };
}

class LocalLink implements UnitLink {
  outcome: CallResult['outcome'] | null = null;
  readonly rowsFiles: string[] = [];
  readonly uploads: Uploaded[] = [];

  constructor(private readonly options: CallHereOptions) {}

  begin(): void {}

  end(): void {}

  send(message: FromRunner): void {
    if (message.type !== 'segment') return;
    const ended = message.outcomes[0];
    this.outcome = ended?.outcome ?? this.outcome;
    if (message.pack !== null) this.#unpack(readFileSync(message.pack), ended?.artifacts ?? []);
    if (message.rows !== null) this.rowsFiles.push(message.rows);
  }

  #unpack(pack: Buffer, artifacts: readonly PackedArtifact[]): void {
    for (const [name, codec, offset, bytes, sha256, path] of artifacts) {
      if (path !== undefined) continue;
      this.uploads.push({ name, codec, sha256, content: pack.subarray(offset, offset + bytes) });
    }
  }

  async ask(request: Asked, signal?: AbortSignal): Promise<unknown> {
    if (request.type === 'model') return this.options.onModel(request.partition);
    if (request.type === 'download') return this.options.onDownload(request);
    const { access, signal: ofCall } = this.options;
    if (request.type === 'query') return access!.query(request, signal ?? ofCall);
    if (request.type === 'rows') return access!.rows(request, signal ?? ofCall);
    const { name, file, codec } = request;
    const content = await readFile(file);
    const sha256 = sha256Of(content);
    this.uploads.push({ name, content, sha256, codec });
    return { path: name, bytes: content.length, sha256 } satisfies FileRef;
  }
}
