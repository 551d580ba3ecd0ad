/** The preview of a run. */
import { partitionName } from '../../core/partition-name';
import type { PlanPreview, SizedPartition } from '../..';
import { typeOrigin } from '../../core/type-guesses';
import { skewSentence } from '../../display/skew';
import { boundSentence } from '../../display/time-bound';
import { bar } from './sparkline';
import type { Paint } from '../../display/paint';
import { renderTable } from './table';
import { clean, plural } from '../../display/text';

const BAR_WIDTH = 30;

export function renderPlan(plan: PlanPreview, width: number, paint: Paint): string {
  const key = plan.keyColumns.map(({ name, type }) => `${clean(name)} ${paint.dim(type)}`).join(', ');
  if (plan.partitions === 0) {
    return `${paint.bold('no partitions')}: the source has no rows, and a run of it is a SUCCESS that calls nothing`;
  }
  const units =
    plan.units === plan.partitions
      ? 'one activity each'
      : `in ${plural(plan.units, 'activity').replace('activitys', 'activities')}`;
  const lines = [
    `${paint.bold(plural(plan.partitions, 'partition'))}, ${plural(plan.rows, 'row')}, ${units}`,
    `${paint.dim('by')} ${key}`,
  ];
  lines.push('', columnsOf(plan, width, paint));
  const most = Math.max(...plan.histogram.map(({ partitions }) => partitions));
  if (plan.histogram.length > 1) {
    const rows = plan.histogram.map(({ from, to, partitions }) => [
      from === to ? String(from) : `${from.toLocaleString('en')} – ${to.toLocaleString('en')}`,
      String(partitions),
      bar(partitions, most, BAR_WIDTH),
    ]);
    lines.push(
      '',
      renderTable(
        [{ name: 'rows' }, { name: 'partitions', align: 'right' }, { name: '' }],
        rows,
        width,
        paint,
      ),
    );
  }
  const largest = plan.largest.slice(0, MAX_LARGEST);
  const others = plan.smallest.filter(({ id }) => largest.every((each) => each.id !== id));
  lines.push('', sized('largest', largest, width, paint));
  if (others.length > 0) lines.push('', sized('smallest', others, width, paint));
  const skew = skewSentence(plan.quantiles);
  if (skew !== null) lines.push('', skew);
  if (plan.time !== null) lines.push('', `${boundSentence(plan.time)} ${clean(plan.time.runId)}`);
  return lines.join('\n');
}

/** Number of the largest partitions shown. */
const MAX_LARGEST = 5;
/** Number of columns shown. */
const MAX_COLUMNS = 30;

/** The columns, and where their types come from if a file does not say. */
function columnsOf({ columns, guesses }: PlanPreview, width: number, paint: Paint): string {
  const rows = columns
    .slice(0, MAX_COLUMNS)
    .map(({ name, type }) => [
      clean(name),
      clean(type),
      ...(guesses === null ? [] : [typeOrigin(guesses, name)]),
    ]);
  const headings = [{ name: 'column' }, { name: 'type' }, ...(guesses === null ? [] : [{ name: '' }])];
  const table = renderTable(headings, rows, width, paint);
  return columns.length <= MAX_COLUMNS ? table : `${table}\n… and ${columns.length - MAX_COLUMNS} more`;
}

function sized(name: string, partitions: readonly SizedPartition[], width: number, paint: Paint): string {
  const rows = partitions.map(({ id, rows: count }) => [
    clean(partitionName(id)),
    count.toLocaleString('en'),
  ]);
  return renderTable([{ name }, { name: 'rows', align: 'right' }], rows, width, paint);
}
