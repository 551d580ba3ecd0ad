import { Refusal } from '../../core/refusal';

/** `planned` is the number of rows that were counted with the keys. */
export function assertCounted(found: number, planned: number, partitions: string): void {
  // enforces I1: keys and rows are from the same point in time.
  if (found !== planned) {
    throw new Refusal('InvalidInput', [
      `There are ${found} rows of ${partitions} now, but there were ${planned} when the keys were counted. ` +
        'A condition that depends on other tables, random values or the clock selects different rows each time: move it into a query, which is read once.',
    ]);
  }
}
