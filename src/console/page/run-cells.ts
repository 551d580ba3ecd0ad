/** The cells of all partitions of a run, and what is counted of them. */
import { signal } from '@preact/signals';
import { decodeCells, PLANES, type Plane } from '../wire/cells';

export type Cells = Record<Plane, Uint8Array>;

/** By plane, how many cells have each of its 256 values. */
export type CellValues = Record<Plane, Int32Array>;

/**
 * Adds cells to a count (`by` 1), or takes them out of it before they change (-1): a count of a million costs
 * no more than what has changed of them.
 */
export type Count = (from: number, to: number, by: 1 | -1) => void;

export class RunCells {
  cells: Cells = emptyCells(0);
  values: CellValues = noValues();
  /** Ordinals of which all planes are known: none until the first answer. */
  total = 0;
  /** Counts up whenever `cells` have changed. */
  readonly drawn = signal(0);
  readonly #counts = new Set<Count>();

  /** Keeps a count of the present `cells` right. Returns a function that ends it. */
  keep(count: Count): () => void {
    this.#counts.add(count);
    return () => this.#counts.delete(count);
  }

  /** Takes a message of the console. Returns the version of its cells. */
  protected take(message: Uint8Array): number {
    const { header, bytes } = decodeCells(message);
    const { planes, ranges, total, version } = header;
    if (total !== this.total) {
      this.#counts.clear();
      this.cells = emptyCells(total);
      this.values = noValues();
      for (const plane of PLANES) this.values[plane][0] = total;
      this.total = total;
    }
    this.#count(ranges, planes, -1);
    planes.forEach((plane, i) => {
      let at = 0;
      for (const [from, to] of ranges) {
        this.cells[plane].set(bytes[i]!.subarray(at, at + to - from), from);
        at += to - from;
      }
    });
    this.#count(ranges, planes, 1);
    this.drawn.value++;
    return version;
  }

  #count(ranges: readonly (readonly [number, number])[], planes: readonly Plane[], by: 1 | -1): void {
    for (const [from, to] of ranges) {
      for (const plane of planes) addValues(this.values[plane], this.cells[plane], from, to, by);
      for (const count of this.#counts) count(from, to, by);
    }
  }
}

function addValues(values: Int32Array, cells: Uint8Array, from: number, to: number, by: 1 | -1): void {
  for (let ordinal = from; ordinal < to; ordinal++) values[cells[ordinal]!]! += by;
}

function emptyCells(total: number): Cells {
  return Object.fromEntries(PLANES.map((plane) => [plane, new Uint8Array(total)])) as Cells;
}

function noValues(): CellValues {
  return Object.fromEntries(PLANES.map((plane) => [plane, new Int32Array(256)])) as CellValues;
}
