/** Two versions of a model, partition by partition. */
import { shellWord } from '../../../core/shell-word';
import { partitionName } from '../../../core/partition-name';
import type { ComparedRow, ComparisonAnswer, ComparisonCounts } from '../../wire/models';
import { modelAddress, pageAddress, query } from '../address';
import { CopyCommand } from '../parts/copy';
import { MetricValue } from '../parts/metric';
import { useAnswer } from '../parts/use-answer';
import { number, shown } from '../words';
import { DifferencesPanel, ScatterPanel, type Sides } from './comparison-pictures';

export function ComparisonPage({ name }: { name: string }) {
  const a = query.value.get('a') ?? '';
  const b = query.value.get('b') ?? '';
  const metric = query.value.get('metric') ?? '';
  const higher = query.value.get('higher') === 'true';
  const parameters = new URLSearchParams({ a, b, metric, higher: String(higher) });
  const { value, problem } = useAnswer<ComparisonAnswer>(
    `models/${encodeURIComponent(name)}/compare?${parameters}`,
  );
  document.title = shown(`${name} ${a} × ${b} · Partwise`);
  const words = [name, a, b].map(shellWord).join(' ');
  const command = `partwise models compare ${words} --metric ${shellWord(metric)}${higher ? ' --higher-is-better' : ''}`;
  return (
    <>
      <p class="crumbs">
        <a href={pageAddress('/models')}>Models</a> › <a href={modelAddress(name)}>{shown(name)}</a> ›
      </p>
      <h1>
        {shown(name)}: version {shown(a)} and version {shown(b)} by {shown(metric)}
      </h1>
      <p>
        <span class="faint">{higher ? 'Higher' : 'Lower'} is better.</span>{' '}
        <CopyCommand command={command} label="Copy as command" />
      </p>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value === null && problem === null && <div class="shape table-shape" aria-label="Loading" />}
      {value !== null && <Answer name={name} answer={value} sides={{ a, b }} higher={higher} />}
    </>
  );
}

function Answer({
  name,
  answer,
  sides,
  higher,
}: {
  name: string;
  answer: ComparisonAnswer;
  sides: Sides;
  higher: boolean;
}) {
  const { counts, worst, best, otherRows, missing } = answer;
  const tables = [
    [`Worse in version ${sides.b}, worst first`, worst, counts.betterA],
    [`Better in version ${sides.b}, best first`, best, counts.betterB],
    ['Measured on a different holdout: not comparable', otherRows, counts.otherRows],
    ['In one version only', missing, counts.missing],
  ] as const;
  return (
    <>
      <p class="sentence" role="status">
        {verdict(counts, sides)}
      </p>
      <div class="panels halves">
        <ScatterPanel answer={answer} sides={sides} higher={higher} />
        <DifferencesPanel answer={answer} sides={sides} higher={higher} />
        {tables.map(
          ([title, rows, total]) =>
            rows.length > 0 && (
              <section key={title} class="panel" aria-label={title}>
                <h2>
                  {title}{' '}
                  <span class="faint">
                    {rows.length < total ? `${number(rows.length)} of ${number(total)}` : number(total)}
                  </span>
                </h2>
                <Rows name={name} rows={rows} sides={sides} />
              </section>
            ),
        )}
      </div>
    </>
  );
}

function verdict(counts: ComparisonCounts, { a, b }: Sides): string {
  const parts = [
    [counts.betterB, `better in version ${b}`],
    [counts.betterA, `better in version ${a}`],
    [counts.equal, 'equal'],
    [counts.same, 'the same model in both'],
    [counts.otherRows, 'measured on a different holdout'],
    [counts.missing, 'in one version only'],
    [counts.notMeasured, 'not measured'],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, words]) => `${number(count)} ${words}`);
  return `${number(counts.total)} partitions: ${said.join(', ')}.`;
}

function Rows({ name, rows, sides }: { name: string; rows: readonly ComparedRow[]; sides: Sides }) {
  const link = (partition: string, value: number | null): string =>
    `${modelAddress(name, value === null ? sides.a : sides.b)}?partition=${encodeURIComponent(partition)}`;
  return (
    <div class="scrolled" tabIndex={0} role="group" aria-label="Partitions">
      <table>
        <thead>
          <tr>
            <th>Partition</th>
            <th class="number">Version {sides.a}</th>
            <th class="number">Version {sides.b}</th>
            <th class="number">Difference</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ partition, a, b }) => (
            <tr key={partition}>
              <td>
                <a href={link(partition, b)}>{shown(partitionName(partition))}</a>
              </td>
              <MetricValue value={a} />
              <MetricValue value={b} />
              <MetricValue value={a === null || b === null ? null : b - a} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
