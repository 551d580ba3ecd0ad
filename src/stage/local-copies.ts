/** Local copies of objects on a stage that is not a local folder. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { StagedFile } from '../run/files';

/** Copies kept for whoever asks again: partition indexes, which every unit of a run reads. */
const MOST_KEPT = 16;

/** Fetches an object into a local file that is not there yet. */
type Fetch = (path: string, file: string) => Promise<void>;

export class LocalCopies {
  /** By digest or path; the one that was asked for last comes last. */
  readonly #kept = new Map<string, Promise<string>>();

  constructor(
    private readonly uri: string,
    private readonly fetch: Fetch,
  ) {}

  /** A checked copy in `folder`, whose owner removes it; without a folder, one that is kept while it is in use. */
  async get(ref: StagedFile, folder?: string): Promise<string> {
    if (folder !== undefined) return this.#copy(ref, folder);
    const key = ref.sha256 ?? ref.path;
    const known = this.#kept.get(key);
    this.#kept.delete(key);
    const copy = known ?? this.#copy(ref, processFolder());
    this.#kept.set(key, copy);
    copy.catch(() => this.#kept.delete(key));
    if (this.#kept.size > MOST_KEPT) await this.#dropOldest();
    return copy;
  }

  async #dropOldest(): Promise<void> {
    const [key, copy] = this.#kept.entries().next().value!;
    this.#kept.delete(key);
    await rm(await copy, { force: true });
  }

  async #copy(ref: StagedFile, folder: string): Promise<string> {
    await mkdir(folder, { recursive: true });
    const file = join(folder, `copy-${randomUUID()}`);
    const partial = `${file}.partial`;
    try {
      await this.fetch(ref.path, partial);
      await this.#check(ref, partial);
      await rename(partial, file);
      return file;
    } finally {
      await rm(partial, { force: true });
    }
  }

  async #check(ref: StagedFile, file: string): Promise<void> {
    const { size } = await stat(file);
    const sha256 = ref.sha256 === null ? null : await digestOf(file);
    if (size === ref.bytes && sha256 === ref.sha256) return;
    throw new Error(
      `"${ref.path}" on the stage ${this.uri} is not the file that the run recorded (${size} bytes, and ${ref.bytes} were recorded): ` +
        'it was changed after it was written.',
    );
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

let ownFolder: string | null = null;

/** Goes with the process. */
function processFolder(): string {
  if (ownFolder !== null) return ownFolder;
  const folder = mkdtempSync(join(tmpdir(), 'partwise-copies-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return (ownFolder = folder);
}
