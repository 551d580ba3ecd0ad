import type { SelectionPreviewed } from '../../wire/types';

/** Longer selections are not written as a command. */
const MAX_ORDINALS = 1_000;

/** The flag of a command that selects the same partitions; null if there are none, or too many. */
export function ordinalsFlag(preview: SelectionPreviewed | null): string | null {
  if (preview === null || preview.partitions === 0 || preview.partitions > MAX_ORDINALS) return null;
  return ` --ordinals ${preview.ordinals}`;
}
