/** Where in a run the partitions of each failure group are. Pure. */

/** Columns of the picture of one group. */
export const COLUMNS = 240;

/** Partitions of each group by column, whatever the number of groups. */
export class Places {
  /** By the number of a group in the cells. */
  readonly #partitions = new Map<number, Int32Array>();
  readonly #known = new Map<number, Uint8Array>();

  /** `groups`: the cells' plane. */
  constructor(private readonly groups: Uint8Array) {}

  readonly count = (from: number, to: number, by: 1 | -1): void => {
    const { groups } = this;
    for (let ordinal = from; ordinal < to; ordinal++) {
      const group = groups[ordinal]!;
      if (group === 0) continue;
      let partitions = this.#partitions.get(group);
      if (partitions === undefined) this.#partitions.set(group, (partitions = new Int32Array(COLUMNS)));
      partitions[Math.floor((ordinal / groups.length) * COLUMNS)]! += by;
    }
  };

  /**
   * 1 for columns in which the group has a partition: the same array as long as they are the same. Undefined
   * for a group that was not counted.
   */
  columnsOf(group: number): Uint8Array | undefined {
    const partitions = this.#partitions.get(group);
    if (partitions === undefined) return undefined;
    const columns = Uint8Array.from(partitions, (count) => Math.min(count, 1));
    const known = this.#known.get(group);
    if (known?.every((isThere, i) => isThere === columns[i]) === true) return known;
    this.#known.set(group, columns);
    return columns;
  }
}
