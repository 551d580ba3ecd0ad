/** What a partition returned and uploaded, as the page shows it. */
import type { PartitionHandle, Row } from '..';
import { cellText, cellTexts, columnView } from './cell-text';
import type { ArtifactPreview, ReturnedRows } from './wire/types';

/** Rows of a partition that are shown. */
const MAX_ROWS = 200;
/** Enough to recognise a kind of file. */
const HEAD_BYTES = 4_096;

export async function artifactPreview(
  artifacts: PartitionHandle['artifacts'],
  name: string,
): Promise<ArtifactPreview> {
  const { kind, totalBytes, checked } = await artifacts.head(name, { bytes: HEAD_BYTES });
  if (kind !== 'csv' && kind !== 'parquet') return { kind, totalBytes, checked, table: null };
  const { columns, rows, more, checked: isChecked } = await artifacts.preview(name);
  const table = { columns: columns.map(columnView), rows: rows.map((row) => cellTexts(columns, row)), more };
  return { kind, totalBytes, checked: isChecked, table };
}

export function returnedRows(all: readonly Row[]): ReturnedRows {
  const rows = all.slice(0, MAX_ROWS);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const isNumber = (name: string): boolean =>
    rows.some((row) => typeof row[name] === 'number' || typeof row[name] === 'bigint');
  return {
    total: all.length,
    columns: columns.map((name) => ({ name, type: null, isNumber: isNumber(name) })),
    rows: rows.map((row) => columns.map((name) => cellText(row[name]))),
  };
}
