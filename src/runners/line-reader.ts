/**
 * Splits arriving bytes into lines. Long lines are cut, since all lines that are read here are short.
 */
const MAX_LINE = 100;

export class LineReader {
  #rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  take(bytes: Buffer): void {
    const lines = (this.#rest + bytes.toString('latin1')).split('\n');
    this.#rest = lines.pop()!.slice(-MAX_LINE);
    for (const line of lines) this.onLine(line);
  }
}
