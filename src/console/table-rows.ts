/** Rows of the table: as the page shows them, and as a file. */
import { PARTITION_STATUSES, type RunSnapshot } from '..';
import { csvRecord } from './csv';
import type { Table } from './partition-table';
import type { TableFormat, TableRow } from './wire/types';

export function tableRow({ columns, groups }: Table, ordinal: number, id: string): TableRow {
  return {
    ordinal,
    id,
    status: PARTITION_STATUSES[columns.status[ordinal]!]!,
    attempts: columns.attempts[ordinal]!,
    rows: columns.rows[ordinal]!,
    returned: columns.returnedRows[ordinal]!,
    startedAt: timeOrNull(columns.startedAt[ordinal]!),
    took: numberOrNull(columns.durationMs[ordinal]!),
    execution: columns.execution[ordinal]!,
    reused: columns.reused[ordinal] === 1,
    group: groups[ordinal]!,
  };
}

/** Rows that are made together: a file of a million never is in memory as a whole. */
const CHUNK = 5_000;

const FIELDS = [
  'ordinal',
  'id',
  'status',
  'attempts',
  'rows',
  'returned',
  'startedAt',
  'took',
  'execution',
  'reused',
] as const satisfies readonly (keyof TableRow)[];

/** The rows of these partitions, in this order, as parts of a file. */
export async function* tableFile(
  table: Table & { snapshot: RunSnapshot },
  ordinals: Int32Array,
  format: TableFormat,
): AsyncGenerator<string> {
  yield format === 'csv' ? csvRecord(FIELDS) : '[';
  for (let from = 0; from < ordinals.length; from += CHUNK) {
    const some = ordinals.subarray(from, from + CHUNK);
    const ids = await table.snapshot.ids(some);
    let text = '';
    some.forEach((ordinal, i) => {
      const row = tableRow(table, ordinal, ids[i]!);
      if (format === 'csv') text += csvRecord(FIELDS.map((field) => row[field]));
      else text += `${from + i === 0 ? '\n' : ',\n'}${JSON.stringify(row, [...FIELDS])}`;
    });
    yield text;
  }
  if (format === 'json') yield '\n]\n';
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

function timeOrNull(ms: number): string | null {
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
