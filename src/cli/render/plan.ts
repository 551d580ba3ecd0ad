/** The preview of a run. */
import type { PlanPreview } from '../..';
import { bar } from './sparkline';
import type { Paint } from './paint';
import { renderTable } from './table';
import { clean, plural } from './text';

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
    `${paint.bold(plural(plan.partitions, 'partition'))} of ${plural(plan.rows, 'row')}, ${units}`,
    `${paint.dim('by')} ${key}`,
  ];
  const most = Math.max(...plan.histogram.map(({ partitions }) => partitions));
  if (plan.histogram.length > 1) {
    const rows = plan.histogram.map(({ label, partitions }) => [
      label,
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
  lines.push('', sized('largest', plan.largest, width, paint));
  if (plan.smallest.length > 0) lines.push('', sized('smallest', plan.smallest, width, paint));
  return lines.join('\n');
}

function sized(
  name: string,
  partitions: readonly { id: string; rows: number }[],
  width: number,
  paint: Paint,
): string {
  const rows = partitions.map(({ id, rows: count }) => [clean(id), String(count)]);
  return renderTable([{ name }, { name: 'rows', align: 'right' }], rows, width, paint);
}
