/** `partwise host` as a program in another language uses it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { CLI } from './cli';

type Line = Record<string, unknown>;

export class TestHost {
  readonly process: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #changes = new EventEmitter();
  #hasEnded = false;

  constructor(folder: string, args: readonly string[] = []) {
    this.process = spawn(process.execPath, [CLI, 'host', ...args], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    createInterface({ input: this.process.stdout! })
      .on('line', (line) => {
        this.#lines.push(JSON.parse(line) as Line);
        this.#changes.emit('change');
      })
      .on('close', () => {
        this.#hasEnded = true;
        this.#changes.emit('change');
      });
  }

  write(line: unknown): void {
    this.process.stdin!.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  }

  /** The next line that is not for a request, or is for this one. */
  async line(id?: number): Promise<Line> {
    for (;;) {
      const found = this.#lines.findIndex((line) => (line['id'] ?? undefined) === id);
      if (found !== -1) return this.#lines.splice(found, 1)[0]!;
      if (this.#hasEnded) throw new Error('The host has ended.');
      await once(this.#changes, 'change');
    }
  }

  /** The answer to a request, with the events before it. */
  ask(id: number, operation: string, params: object = {}): Promise<Line & { events: unknown[] }> {
    this.write({ id, operation, params });
    return this.answer(id);
  }

  async answer(id: number): Promise<Line & { events: unknown[] }> {
    const events: unknown[] = [];
    for (;;) {
      const line = await this.line(id);
      if (!('event' in line)) return { ...line, events };
      events.push(line['event']);
    }
  }

  /** Closes its input, and resolves with its exit code. */
  async end(): Promise<number | null> {
    this.process.stdin!.end();
    if (this.process.exitCode === null) await once(this.process, 'exit');
    return this.process.exitCode;
  }
}
