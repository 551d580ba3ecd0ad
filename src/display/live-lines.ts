/** Lines at the bottom of the terminal that are drawn again as they change; notes are printed above them. */
import { redirectNotes } from './stderr';

const DRAW_EVERY_MS = 100;
/** Clears the line of the cursor and everything below. */
const CLEAR = '\r\x1b[J';

export class LiveLines {
  readonly #lines = new Set<() => string>();
  #drawn = '';
  #timer: NodeJS.Timeout | null = null;
  #restoreNotes = (): void => {};

  constructor(private readonly write: (text: string) => void) {}

  /** `line` must not be wider than the terminal. Returns a function that removes it. */
  add(line: () => string): () => void {
    if (this.#lines.size === 0) {
      this.#restoreNotes = redirectNotes((note) => this.#draw(note));
      this.#timer = setInterval(() => this.#draw(), DRAW_EVERY_MS);
    }
    this.#lines.add(line);
    this.#draw();
    return () => {
      this.#lines.delete(line);
      this.#draw();
      if (this.#lines.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
      this.#restoreNotes();
    };
  }

  /** In one write, so that nothing flickers. */
  #draw(note = ''): void {
    const lines = [...this.#lines].map((line) => line()).join('\n');
    if (note === '' && lines === this.#drawn) return;
    const up = this.#drawn.split('\n').length - 1;
    this.#drawn = lines;
    this.write(`${up > 0 ? `\x1b[${up}A` : ''}${CLEAR}${note}${lines}`);
  }
}
