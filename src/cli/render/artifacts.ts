/** Artifacts of partitions as a table. */
import type { PartitionView } from '../..';
import { partitionName } from '../../core/partition-name';
import { bytesText } from '../../display/measures';
import type { Paint } from '../../display/paint';
import { renderTable } from './table';
import { clean } from '../../display/text';

export function renderArtifacts(
  partitions: readonly Pick<PartitionView, 'id' | 'artifacts'>[],
  width: number,
  paint: Paint,
): string {
  const rows = partitions.flatMap(({ id, artifacts }) =>
    artifacts.map(({ name, bytes, sha256 }) => [
      clean(partitionName(id)),
      clean(name),
      bytesText(bytes),
      sha256.slice(0, 12),
    ]),
  );
  if (rows.length === 0) return paint.dim('no artifacts');
  const columns = [
    { name: 'partition' },
    { name: 'artifact' },
    { name: 'size', align: 'right' as const },
    { name: 'sha256' },
  ];
  return renderTable(columns, rows, width, paint);
}
