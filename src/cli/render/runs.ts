/** A table of runs, in the order of the listing. */
import type { RunListing } from '../..';
import { elapsed } from '../../display/measures';
import { type Paint, statusColour } from '../../display/paint';
import { failed } from '../../core/status';
import { renderTable, RUN_ID_WIDTH } from './table';
import { clean } from '../../display/text';

export function renderRuns(runs: readonly RunListing[], now: string, width: number, paint: Paint): string {
  if (runs.length === 0) return paint.dim('no runs');
  const rows = runs.map((run) => [
    clean(run.runId),
    { text: run.status, colour: statusColour(run.status, paint) },
    run.startedAt.slice(0, 16).replace('T', ' '),
    failedText(run.counts),
    elapsed(run.startedAt, run.endedAt, now),
    clean(run.function ?? '–'),
  ]);
  const columns = [
    { name: 'run', middleCutTo: RUN_ID_WIDTH },
    { name: 'status', whole: true },
    { name: 'started (UTC)', whole: true },
    { name: 'failed', whole: true },
    { name: 'duration', whole: true, align: 'right' as const },
    { name: 'function' },
  ];
  return renderTable(columns, rows, width, paint);
}

/** `4 of 1,000`: partitions. */
function failedText(counts: RunListing['counts']): string {
  if (counts === null) return '–';
  return `${failed(counts).toLocaleString('en')} of ${counts.total.toLocaleString('en')}`;
}
