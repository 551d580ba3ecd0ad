/** The results of a trial, one block per partition. */
import type { TriedPartition, TryReport } from '../..';
import { partitionName } from '../../core/partition-name';
import type { PartitionStatus } from '../../core/status';
import { bytesText, durationText } from '../../display/measures';
import { renderError } from './error';
import { type Paint, statusColour } from '../../display/paint';
import { renderRows } from './rows';
import { clean, plural } from '../../display/text';

const MAX_ROWS = 5;
const INDENT = '    ';

/**
 * The result of one call: status, time, returned rows and artifacts, or the error with the stack frames in
 * the user's code.
 */
export function renderTried(
  tried: Omit<TriedPartition, 'status' | 'key'> & { status: PartitionStatus },
  width: number,
  paint: Paint,
): string {
  const { id, status, rows, durationMs, result, resultRows, artifacts, error } = tried;
  const colour = statusColour(status, paint);
  const head = `${colour(status === 'DONE' ? '✓' : '✗')} ${paint.bold(partitionName(id))}  ${colour(status)}`;
  const lines = [`${head}  ${paint.dim(`${plural(rows, 'row')} in ${durationText(durationMs)}`)}`];
  if (error !== null) lines.push(renderError(error, paint));
  if (result.length > 0) {
    const table = renderRows(result, MAX_ROWS, width - INDENT.length, paint, resultRows);
    lines.push(indented(table));
  } else if (status === 'DONE') lines.push(`${INDENT}${paint.dim('returned no rows')}`);
  const kept = artifacts.map(({ name, bytes }) => `${clean(name)} ${paint.dim(bytesText(bytes))}`);
  if (kept.length > 0) lines.push(`${INDENT}${paint.dim('uploaded')} ${kept.join(', ')}`);
  return lines.join('\n');
}

/** `3 of 3 partitions tried: 2 DONE, 1 FAILED; no run was started and nothing was kept` */
export function renderTrySummary({ tried, plan }: TryReport, wanted: number, paint: Paint): string {
  const counts = new Map<TriedPartition['status'], number>();
  for (const { status } of tried) counts.set(status, (counts.get(status) ?? 0) + 1);
  const counted = [...counts].map(([status, n]) => statusColour(status, paint)(`${n} ${status}`)).join(', ');
  const asked = Math.min(wanted, plan.partitions);
  const took =
    plan.estimatedMs === null
      ? ''
      : `, about ${durationText(plan.estimatedMs)} with ${plan.concurrency} at a time`;
  return [
    `${tried.length} of ${plural(asked, 'partition')} tried: ${counted}; no run was started and nothing was kept`,
    paint.dim(`The whole run: ${plural(plan.partitions, 'partition')}, ${plural(plan.rows, 'row')}${took}`),
  ].join('\n');
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => INDENT + line)
    .join('\n');
}
