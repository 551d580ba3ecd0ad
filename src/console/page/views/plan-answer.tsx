/** The partitions of a plan, by size. */
import { partitionName } from '../../../core/partition-name';
import { typeOrigin } from '../../../core/type-guesses';
import { skewSentence } from '../../../display/skew';
import { boundSentence } from '../../../display/time-bound';
import type { PlanPreview } from '../../..';
import { runAddress } from '../address';
import { Picture } from '../pictures/picture';
import { css, palette } from '../theme';
import { number, plural, shown, time } from '../words';
import { PlanUnits } from './plan-units';

const HEIGHT = 140;
const LEAST_BAR = 2;

export function PlanAnswer({ plan }: { plan: PlanPreview }) {
  if (plan.partitions === 0)
    return <p>The source has no rows: a run of it has no partitions, and calls nothing.</p>;
  const skew = skewSentence(plan.quantiles);
  return (
    <>
      <p class="sentence" role="status">
        {plural(plan.partitions, 'partition')}, {plural(plan.rows, 'row')}, {plural(plan.units, 'unit')}
        {plan.units === plan.partitions ? ': one partition each' : ''}, by{' '}
        {plan.keyColumns.map(({ name, type }) => `${shown(name)} ${type}`).join(', ')}.
      </p>
      {skew !== null && <p class="warning">{skew}</p>}
      {plan.time !== null && (
        <p class="time-bound">
          {boundSentence(plan.time)} <a href={runAddress(plan.time.runId)}>{shown(plan.time.runId)}</a>,
          started {time(plan.time.startedAt)}.
        </p>
      )}
      <div class="panels halves">
        <Sizes plan={plan} />
        <PlanUnits plan={plan} />
        <Largest plan={plan} />
        <Columns plan={plan} />
      </div>
    </>
  );
}

function Sizes({ plan: { histogram, quantiles } }: { plan: PlanPreview }) {
  const counts = histogram.map(({ partitions }) => partitions);
  const { q25, median, q75, min, max } = quantiles!;
  const sentence = `Half of the partitions have ${number(q25)} to ${number(q75)} rows, median ${number(median)}; all ${number(min)} to ${number(max)}.`;
  return (
    <section class="panel" aria-label="Sizes">
      <h2>
        Rows per partition <span class="faint">heights by square root</span>
      </h2>
      <Bars values={counts} label={sentence} />
      <p class="axis">
        <span>{number(histogram[0]!.from)}</span>
        <span>in steps of 1, 2, 5, 10, …</span>
        <span>{number(histogram.at(-1)!.to)}</span>
      </p>
      <p>{sentence}</p>
    </section>
  );
}

/** One bar each, as long as there is room; then the largest of its neighbours. */
function Bars({ values, label }: { values: readonly number[]; label: string }) {
  const draw = (context: CanvasRenderingContext2D, width: number, height: number): void => {
    const bars = new Float64Array(Math.min(values.length, Math.floor(width / 2)));
    for (const [i, value] of values.entries()) {
      const bar = Math.floor((i * bars.length) / values.length);
      bars[bar] = Math.max(bars[bar]!, value);
    }
    const tallest = Math.max(1, ...bars);
    const wide = width / bars.length;
    context.fillStyle = css(palette.value.names['mark']!);
    for (const [i, value] of bars.entries()) {
      if (value === 0) continue;
      const tall = Math.max(LEAST_BAR, Math.sqrt(value / tallest) * height);
      context.fillRect(i * wide, height - tall, Math.max(1, wide - 1), tall);
    }
  };
  return <Picture height={HEIGHT} label={label} draw={draw} />;
}

function Largest({ plan: { largest, partitions } }: { plan: PlanPreview }) {
  return (
    <section class="panel" aria-label="Largest partitions">
      <h2>
        Largest{' '}
        <span class="faint">
          {number(largest.length)} of {number(partitions)}
        </span>
      </h2>
      <div class="scrolled" tabIndex={0} role="group" aria-label="Partitions">
        <table>
          <thead>
            <tr>
              <th>Partition</th>
              <th class="number">Rows</th>
            </tr>
          </thead>
          <tbody>
            {largest.map(({ id, rows }) => (
              <tr key={id}>
                <td>{shown(partitionName(id))}</td>
                <td class="number">{number(rows)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Columns({ plan: { columns, guesses } }: { plan: PlanPreview }) {
  return (
    <section class="panel" aria-label="Columns">
      <h2>{plural(columns.length, 'column')}</h2>
      <div class="scrolled" tabIndex={0} role="group" aria-label="Columns">
        <table>
          <tbody>
            {columns.map(({ name, type }) => (
              <tr key={name}>
                <td>{shown(name)}</td>
                <td class="faint">{shown(type)}</td>
                {guesses !== null && <td class="faint">{shown(typeOrigin(guesses, name))}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
