/** The partitions of an exported run as a table: exact values where the file has them, else from cells. */
import type { PartitionColumns } from '../../..';
import type { Ids } from '../../table/table-answers';
import type { Table } from '../../table/partition-table';
import { countOf, decodeCells, durationOf, PLANES, REUSED, STATUS_BITS, type Plane } from '../../wire/cells';
import type { ExportedRun } from '../../wire/export';

/** What each byte stands for. */
const COUNTS = Float64Array.from({ length: 256 }, (_, byte) => Math.round(countOf(byte)));
const DURATIONS = Float64Array.from({ length: 256 }, (_, byte) => durationOf(byte));

export function tableOf({ cells, execution, exact }: ExportedRun): Table {
  const { header, bytes } = decodeCells(cells);
  const { total } = header;
  const planes = Object.fromEntries(
    PLANES.map((plane) => [plane, bytes[header.planes.indexOf(plane)]]),
  ) as Record<Plane, Uint8Array>;
  const columns: PartitionColumns = {
    from: 0,
    to: total,
    status: planes.status.map((value) => value & STATUS_BITS),
    attempts: Int32Array.from(planes.attempts),
    rows: valuesOf(planes.rows, COUNTS),
    returnedRows: Int32Array.from(valuesOf(planes.returned, COUNTS)),
    startedAt: new Float64Array(total).fill(Number.NaN),
    durationMs: valuesOf(planes.duration, DURATIONS),
    execution,
    reused: planes.status.map((value) => ((value & REUSED) === 0 ? 0 : 1)),
    // Not in the file.
    unit: new Int32Array(total).fill(-1),
  };
  const isExact = new Uint8Array(total);
  exact.ordinals.forEach((ordinal, i) => {
    isExact[ordinal] = 1;
    columns.attempts[ordinal] = exact.attempts[i]!;
    columns.rows[ordinal] = exact.rows[i]!;
    columns.returnedRows[ordinal] = exact.returnedRows[i]!;
    columns.startedAt[ordinal] = exact.startedAt[i]!;
    columns.durationMs[ordinal] = exact.durationMs[i]!;
  });
  return { columns, groups: Uint16Array.from(planes.group), units: [], isExact };
}

export function idsOf({ head, exact: { ordinals } }: ExportedRun): Ids {
  const { ids } = head;
  const byOrdinal = new Map(ids?.map((id, i) => [ordinals[i]!, id]));
  return {
    ids: async (wanted) => Array.from(wanted, (ordinal) => byOrdinal.get(ordinal) ?? null),
    search: async (text) => {
      const lower = text.toLowerCase();
      return ordinals.filter((_, i) => ids?.[i]?.toLowerCase().includes(lower));
    },
  };
}

function valuesOf(plane: Uint8Array, values: Float64Array): Float64Array {
  const result = new Float64Array(plane.length);
  for (let i = 0; i < plane.length; i++) result[i] = values[plane[i]!]!;
  return result;
}
