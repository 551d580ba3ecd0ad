/** A table of runs, in the order of the listing. */
import type { RunListing } from '../..';
import { elapsed } from '../../display/measures';
import { type Paint, statusColour } from '../../display/paint';
import { renderTable } from './table';
import { clean } from '../../display/text';

export function renderRuns(runs: readonly RunListing[], now: string, width: number, paint: Paint): string {
  if (runs.length === 0) return paint.dim('no runs');
  const rows = runs.map((run) => [
    clean(run.runId),
    { text: run.status, colour: statusColour(run.status, paint) },
    clean(run.function ?? '–'),
    run.startedAt.slice(0, 19).replace('T', ' '),
    elapsed(run.startedAt, run.endedAt, now),
  ]);
  const columns = [
    { name: 'run', whole: true },
    { name: 'status' },
    { name: 'function' },
    { name: 'started (UTC)' },
  ];
  return renderTable([...columns, { name: 'duration', align: 'right' }], rows, width, paint);
}
