/**
 * Numbered objects for data that grows while a unit runs (its log, its checkpoints), because stages cannot
 * append: `seg-000001.jsonl`, `seg-000002.jsonl`, … at most one per second.
 */
import { sha256Of } from '../files/digest';
import type { Stage } from '../stage';

export function segmentName(number: number): string {
  return `seg-${String(number).padStart(6, '0')}.jsonl`;
}

/** JSON lines, followed by a line with their digest. */
export function closeLines(records: readonly unknown[]): Buffer {
  const body = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const sha256 = sha256Of(body);
  return Buffer.from(`${body}${JSON.stringify({ sha256 })}\n`);
}

/**
 * The records of a closed object; null if the digest does not match, in which case the object is treated as
 * absent (I4).
 */
export function readClosedLines(content: Uint8Array): unknown[] | null {
  const lines = Buffer.from(content).toString('utf8').split('\n');
  if (lines.pop() !== '') return null;
  const digestLine = lines.pop();
  const body = lines.map((line) => `${line}\n`).join('');
  const sha256 = sha256Of(body);
  // enforces I4: half a checkpoint records nothing.
  if (digestLine !== JSON.stringify({ sha256 })) return null;
  return lines.map((line) => JSON.parse(line) as unknown);
}

/** Collects lines and writes them as numbered objects, one at a time and at most one per second. */
export class LineSink {
  #lines: string[] = [];
  #number = 0;
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly options: {
      stage: Pick<Stage, 'put'>;
      folder: string;
      everyMs: number;
      maxBytes: number;
      onError: (error: unknown) => void;
    },
  ) {}

  add(records: readonly object[]): void {
    const { maxBytes, everyMs } = this.options;
    for (const record of records) {
      if (this.#bytes > maxBytes) return;
      const line = `${JSON.stringify(record)}\n`;
      this.#bytes += line.length;
      this.#lines.push(
        this.#bytes > maxBytes
          ? `${JSON.stringify({ ...record, stream: 'stderr', text: `[the log ends here: more than ${maxBytes} bytes]` })}\n`
          : line,
      );
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#write();
    }, everyMs);
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#write();
    await this.#writing;
  }

  #write(): void {
    if (this.#lines.length === 0) return;
    const content = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    const path = `${this.options.folder}${segmentName(++this.#number)}`;
    this.#writing = this.#writing
      .then(async () => {
        await this.options.stage.put(path, content);
      })
      .catch(this.options.onError);
  }
}
