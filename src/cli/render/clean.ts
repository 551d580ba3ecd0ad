/** The report of what is, or was, removed from a stage. */
import type { CleanReport } from '../..';
import { bytesText } from '../../display/measures';
import type { Paint } from '../../display/paint';
import { renderTable, RUN_ID_WIDTH } from './table';
import { clean, plural } from '../../display/text';

/** Empty when there is nothing to remove. */
export function renderClean(
  { runs, ledgers, models, unfinished }: CleanReport,
  width: number,
  paint: Paint,
): string {
  const rows = runs.map(({ runId, endedAt, what, files, bytes, needed }) => [
    clean(runId),
    endedAt.slice(0, 19).replace('T', ' '),
    what === 'run' ? 'whole run' : 'leftovers',
    files.toLocaleString('en'),
    bytesText(bytes),
    needed.files === 0 ? '' : `${needed.files.toLocaleString('en')} (${bytesText(needed.bytes)})`,
  ]);
  for (const [of, what, { files, bytes }] of [
    ['series', 'old ledgers', ledgers],
    ['models', 'unused', models],
    ['the stage', 'unfinished files', unfinished],
  ] as const)
    if (files > 0) rows.push([of, '', what, files.toLocaleString('en'), bytesText(bytes), '']);
  if (rows.length === 0) return '';
  const columns = [
    { name: 'run', middleCutTo: RUN_ID_WIDTH },
    { name: 'ended (UTC)' },
    { name: 'what' },
    { name: 'files', align: 'right' as const },
    { name: 'size', align: 'right' as const },
    { name: 'still needed', align: 'right' as const },
  ];
  const shown = runs.some(({ needed }) => needed.files > 0) ? columns : columns.slice(0, -1);
  return renderTable(
    shown,
    rows.map((row) => row.slice(0, shown.length)),
    width,
    paint,
  );
}

/** `12 files (4.2 MiB)` */
export function sizeText({ files, bytes }: { files: number; bytes: number }): string {
  return `${plural(files, 'file')} (${bytesText(bytes)})`;
}
