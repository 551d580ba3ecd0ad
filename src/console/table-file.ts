/** Rows of the table as a file. */
import type { RunSnapshot } from '..';
import { csvRecord } from './csv';
import { FIELDS, fileRecords } from './table/file-record';
import type { Table } from './table/partition-table';
import type { GroupInfo, TableFormat } from './wire/types';

/** Rows that are made together: a file of a million never is in memory as a whole. */
const CHUNK = 5_000;

/** The rows of these partitions, in this order, as parts of a file. */
export async function* tableFile(
  table: Table & { snapshot: RunSnapshot; groupInfos: readonly GroupInfo[] },
  ordinals: Int32Array,
  format: TableFormat,
): AsyncGenerator<string> {
  const recordOf = fileRecords(table);
  yield format === 'csv' ? csvRecord(FIELDS) : '[';
  for (let from = 0; from < ordinals.length; from += CHUNK) {
    const some = ordinals.subarray(from, from + CHUNK);
    const ids = await table.snapshot.ids(some);
    let text = '';
    some.forEach((ordinal, i) => {
      const row = recordOf(ordinal, ids[i]!);
      if (format === 'csv') text += csvRecord(FIELDS.map((field) => row[field]));
      else text += `${from + i === 0 ? '\n' : ',\n'}${JSON.stringify(row, [...FIELDS])}`;
    });
    yield text;
  }
  if (format === 'json') yield '\n]\n';
}
