/** How a unit's rows are opened, partition by partition. */
import type { DuckDBInstance } from '@duckdb/node-api';
import type { LoadAhead } from '../../functions/ahead/rows-ahead';
import { QueriedRows } from '../../functions/queried-rows';
import { SnapshotRows } from '../../functions/snapshot-rows';
import type { SnapshotUnreadable } from '../../functions/unit-cursor';
import { UnitFiles } from '../../functions/unit-files';
import type { IndexedPartition } from '../../functions/unit-index';
import type { PartitionRows } from '../../rows/partition-rows';
import type { RunnerUnit } from '../protocol';
import type { Running } from './running';
import type { UnitLink } from './worker-link';

/** A partition's rows; files report afterwards whether they were changed. */
type OpenRows = PartitionRows & { assertUnchanged?(): Promise<void> };

export interface UnitRows {
  rowsOf(partition: IndexedPartition): OpenRows | Promise<OpenRows>;
  /** Absent if rows of several partitions are not in one place. */
  ahead?: LoadAhead;
  close(): void | Promise<void>;
}

interface RowsHost {
  index: ReadonlyMap<number, IndexedPartition>;
  link: UnitLink;
  /** The call that the rows are for. */
  running: () => Running;
  onUnreadable: (error: SnapshotUnreadable) => void;
}

/** Rows come from the files that are partitions, from the snapshot, or, without one, from the worker. */
export function openRows(
  unit: RunnerUnit,
  database: DuckDBInstance,
  { index, link, running, onUnreadable }: RowsHost,
): UnitRows {
  const { files, ordinals, snapshot, columns, keyColumns } = unit;
  const countOf = (ordinal: number): number => index.get(ordinal)?.rows ?? 0;
  if (files !== null) {
    const unitFiles = new UnitFiles(database, columns, ordinals, files, countOf);
    return { rowsOf: (partition) => unitFiles.partition(partition), close: () => undefined };
  }
  if (snapshot.length === 0) return queryRows(unit, database, link, running);
  const unitRows = new SnapshotRows(database, snapshot, columns, ordinals, countOf, onUnreadable, keyColumns);
  return {
    rowsOf: (partition) => unitRows.partition(partition),
    ahead: (connection, ordinal) => unitRows.ahead(connection, ordinal),
    close: () => unitRows.close(),
  };
}

/** Opens one partition's rows at a time, since partitions are processed one by one. */
function queryRows(
  unit: RunnerUnit,
  database: DuckDBInstance,
  link: UnitLink,
  running: RowsHost['running'],
): UnitRows {
  let open: QueriedRows | null = null;
  const close = async (): Promise<void> => open?.close();
  const rowsOf = async (partition: IndexedPartition): Promise<PartitionRows> => {
    await close();
    const { attempt, signal } = running();
    const fetch = async (): Promise<string> => {
      const request = {
        type: 'rows',
        ordinal: partition.ordinal,
        partitionId: partition.id,
        rows: partition.rows,
        attempt,
      } as const;
      return ((await link.ask(request, signal)) as { file: string }).file;
    };
    return (open = new QueriedRows(database, partition, unit.columns, fetch));
  };
  return { rowsOf, close };
}
