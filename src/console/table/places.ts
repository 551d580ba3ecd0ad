/** Where in a run the partitions of each failure group are. Pure. */

/** Columns of the picture of one group. */
export const COLUMNS = 240;

/** By the number of a group in the cells: 1 for columns in which it has a partition. */
export type Places = ReadonlyMap<number, Uint8Array>;

/** One pass over all partitions, whatever the number of groups. */
export function placesOf(groups: Uint8Array): Places {
  const places = new Map<number, Uint8Array>();
  for (let ordinal = 0; ordinal < groups.length; ordinal++) {
    const group = groups[ordinal]!;
    if (group === 0) continue;
    let columns = places.get(group);
    if (columns === undefined) places.set(group, (columns = new Uint8Array(COLUMNS)));
    columns[Math.floor((ordinal / groups.length) * COLUMNS)] = 1;
  }
  return places;
}
