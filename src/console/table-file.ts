/** Rows of the table as a file. */
import type { RunSnapshot } from '..';
import { csvRecord } from './csv';
import type { Table } from './table/partition-table';
import { tableRow } from './table/table-answers';
import type { TableFormat, TableRow } from './wire/types';

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
