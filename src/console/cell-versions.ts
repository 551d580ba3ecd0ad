/** Which cells of a run have changed since a version. Pure, but for the time that versions begin with. */
import { mergeRanges } from './planes';

type Ranges = readonly (readonly [from: number, to: number])[];

/** Versions whose changes are remembered; a page that is further behind gets all cells. */
const REMEMBERED = 120;

export class CellVersions {
  #current = 0;
  #changes: { version: number; ranges: Ranges }[] = [];

  /** 0 until the partitions have been read. */
  get current(): number {
    return this.#current;
  }

  /**
   * All cells are new. Versions begin with a time, so that a page that has one of an earlier watch of the run
   * gets all cells.
   */
  begin(now: number): void {
    this.#current = Math.max(this.#current + 1, now);
    this.#changes = [];
  }

  add(ranges: Ranges): void {
    if (ranges.length === 0) return;
    this.#current++;
    this.#changes.push({ version: this.#current, ranges });
    if (this.#changes.length > REMEMBERED) this.#changes.shift();
  }

  /** The ranges that have changed after a version; all `total` cells if that is not known. */
  after(since: number, total: number): [number, number][] {
    const oldest = this.#changes[0]?.version ?? this.#current + 1;
    const isKnown = since <= this.#current && oldest <= since + 1;
    if (!isKnown) return total === 0 ? [] : [[0, total]];
    return mergeRanges(
      this.#changes.filter(({ version }) => version > since).flatMap(({ ranges }) => ranges),
    );
  }
}
