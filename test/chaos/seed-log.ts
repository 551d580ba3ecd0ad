/**
 * The log of many seeds: the settings, one line per seed in the order of seeds, and how many were ok. A name
 * that ends with `.gz` compresses it.
 */
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

export class SeedLog {
  readonly #lines = new Map<number, string>();
  #ok = 0;

  constructor(
    private readonly file: string | undefined,
    private readonly head: string,
    private readonly total: number,
  ) {
    this.#write();
  }

  add(seed: number, ok: boolean, line: string): void {
    this.#lines.set(seed, line);
    if (ok) this.#ok++;
    this.#write();
  }

  get verdict(): string {
    const ran = this.#lines.size;
    return `${this.#ok} of ${ran} seeds ok${ran < this.total ? `; ${this.total - ran} have not run` : ''}`;
  }

  get allOk(): boolean {
    return this.#ok === this.total;
  }

  /** Written after each seed, so that a night that is cut short leaves its log. */
  #write(): void {
    if (this.file === undefined) return;
    const lines = [...this.#lines].sort(([a], [b]) => a - b).map(([, line]) => line);
    const text = [this.head, ...lines, this.verdict, ''].join('\n');
    writeFileSync(this.file, this.file.endsWith('.gz') ? gzipSync(text) : text);
  }
}
