import { labelOfNames, partitionName } from '../../../core/partition-name';
import { number, shown } from '../words';

/** What the page calls a partition: by its number where a file leaves its id out. */
export function nameOf({ ordinal, id }: { ordinal: number; id: string | null }): string {
  return id === null ? `partition ${number(ordinal)}` : shown(partitionName(id));
}

export function unitName(label: string): string {
  return shown(labelOfNames(label));
}
