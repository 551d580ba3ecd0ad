/** Columns of partitions that stay as they are while the library goes on reading the run. Pure. */
import type { PartitionColumns } from '..';

type Name = Exclude<keyof PartitionColumns, 'from' | 'to'>;

export function copyColumns(columns: PartitionColumns): PartitionColumns {
  const copies = namesOf(columns).map((name) => [name, columns[name].slice()]);
  return { ...columns, ...(Object.fromEntries(copies) as Pick<PartitionColumns, Name>) };
}

/** Brings a copy of all partitions up to date in the ranges that have changed. */
export function updateColumns(
  copy: PartitionColumns,
  columns: PartitionColumns,
  changed: readonly (readonly [from: number, to: number])[],
): void {
  for (const name of namesOf(columns))
    for (const [from, to] of changed) copy[name].set(columns[name].subarray(from, to), from);
}

function namesOf(columns: PartitionColumns): Name[] {
  return (Object.keys(columns) as (keyof PartitionColumns)[]).filter(
    (name): name is Name => name !== 'from' && name !== 'to',
  );
}
