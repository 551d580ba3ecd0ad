import { Refusal } from '../../core/refusal';

/** `planned`: the rows of these partitions as they were counted with the keys. */
export function assertCounted(found: number, planned: number, partitions: string): void {
  // enforces I1: keys and rows are of the same moment.
  if (found !== planned) {
    throw new Refusal('InvalidInput', [
      `There are ${found} rows of ${partitions} now, and when keys were counted there were ${planned}. ` +
        'A condition that other tables, chance or the clock decide is met by other rows each time: put it into a query, which is read once.',
    ]);
  }
}
