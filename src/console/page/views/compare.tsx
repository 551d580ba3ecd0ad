/** What changed between two runs, and why. */
import { useState } from 'preact/hooks';
import type { ComparedRun, RunPage } from '../../..';
import { PARTITION_STATUSES } from '../../../core/status';
import { partitionName } from '../../../core/partition-name';
import { shellWord } from '../../../core/shell-word';
import { durationText } from '../../../display/measures';
import type { ComparisonAnswer } from '../../wire/types';
import { go, pageAddress, runAddress } from '../address';
import { CopyCommand } from '../parts/copy';
import { StatusMark } from '../parts/status';
import { RunsLink } from '../parts/runs-link';
import { useAnswer } from '../parts/use-answer';
import { Picture } from '../pictures/picture';
import { css, palette } from '../theme';
import { number, plural, shown, time } from '../words';

const HEIGHT = 90;
/** Ratios beyond these powers of two are in the last bars. */
const MOST = 5;
const BINS = 41;

export function ComparePage({ a, b }: { a: string; b: string }) {
  const { value, problem } = useAnswer<ComparisonAnswer>(
    `runs/${encodeURIComponent(a)}/compare/${encodeURIComponent(b)}`,
  );
  document.title = shown(`${a} and ${b} · Partwise`);
  return (
    <>
      <p class="crumbs">
        <RunsLink />
        compare
      </p>
      <h1>
        {shown(a)} <span class="faint">and</span> {shown(b)}
      </h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value === null && problem === null && (
        <div class="shape table-shape" role="img" aria-label="Loading" />
      )}
      {value !== null && <Comparison value={value} />}
      <Choose a={a} b={b} />
      <p>
        <CopyCommand command={`partwise compare ${shellWord(a)} ${shellWord(b)}`} />
      </p>
    </>
  );
}

function Comparison({ value }: { value: ComparisonAnswer }) {
  const { a, b, inBoth, differences, causes, different, rowsCompared, durationRatios } = value;
  const counts = Object.entries(differences).filter(([, count]) => count > 0);
  const reasons = Object.entries(causes).filter(([, count]) => count > 0);
  return (
    <>
      <RunLine name="a" run={a} />
      <RunLine name="b" run={b} />
      <p>
        {plural(inBoth, 'partition')} in both;{' '}
        {different === 0 ? 'none differs' : `${number(different)} differ`}
        {counts.length > 0 &&
          `: ${counts.map(([name, count]) => `${number(count)} ${DIFFERENCES[name] ?? name}`).join(', ')}`}
        .
      </p>
      {reasons.length > 0 && (
        <p>
          Because of {reasons.map(([name, count]) => `${CAUSES[name] ?? name} (${number(count)})`).join(', ')}
          .
        </p>
      )}
      {!rowsCompared && (
        <p class="faint">
          Only numbers of source rows were compared: runs have fingerprints of their rows if they are in a
          series.
        </p>
      )}
      <div class="panels">
        <section class="panel" aria-label="Statuses">
          <h2>
            Statuses <span class="faint">rows: a, columns: b</span>
          </h2>
          <Matrix transitions={value.transitions} />
        </section>
        <section class="panel" aria-label="Durations">
          <h2>
            Durations <span class="faint">b divided by a</span>
          </h2>
          {durationRatios === null ? (
            <p class="empty">No partition was DONE in both.</p>
          ) : (
            <>
              <Ratios ratios={value.ratios} />
              <p>
                Median {ratio(durationRatios.median)}, half of them {ratio(durationRatios.q25)} to{' '}
                {ratio(durationRatios.q75)}, all {ratio(durationRatios.min)} to {ratio(durationRatios.max)}.
              </p>
            </>
          )}
        </section>
        <section class="panel wide" aria-label="Partitions that differ">
          <h2>
            Partitions that differ{' '}
            {value.examples.length < different && (
              <span class="faint">
                the first {number(value.examples.length)} of {number(different)}
              </span>
            )}
          </h2>
          <Examples value={value} />
        </section>
      </div>
    </>
  );
}

const DIFFERENCES: Readonly<Record<string, string>> = {
  status: 'by status',
  rows: 'by source rows',
  returnedRows: 'by returned rows',
  gone: 'only in a',
  new: 'only in b',
};
const CAUSES: Readonly<Record<string, string>> = {
  rows: 'their source rows',
  code: 'the code',
  params: 'the params',
  runtime: 'the Python runtime',
  none: 'none of rows, code, params and runtime',
};

function RunLine({ name, run }: { name: string; run: ComparedRun }) {
  return (
    <p class="facts">
      <span>{name}</span>
      <a href={`${runAddress(run.runId)}?execution=${run.workflowRunId}`}>{shown(run.runId)}</a>
      <StatusMark status={run.status} />
      <span>{plural(run.partitions, 'partition')}</span>
      <span>execution {run.execution}</span>
      <span>started {time(run.startedAt)}</span>
      {run.function !== null && <span>{shown(run.function)}</span>}
    </p>
  );
}

function Matrix({ transitions }: { transitions: readonly (readonly number[])[] }) {
  const used = PARTITION_STATUSES.map((_, i) => i).filter(
    (i) => transitions[i]!.some((count) => count > 0) || transitions.some((row) => row[i]! > 0),
  );
  return (
    <table class="matrix">
      <thead>
        <tr>
          <td />
          {used.map((i) => (
            <th key={i} class="number">
              <StatusMark status={PARTITION_STATUSES[i]!} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {used.map((i) => (
          <tr key={i}>
            <th>
              <StatusMark status={PARTITION_STATUSES[i]!} />
            </th>
            {used.map((j) => (
              <td key={j} class={`number${i === j ? ' faint' : ''}`}>
                {transitions[i]![j] === 0 ? '' : number(transitions[i]![j]!)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Ratios({ ratios }: { ratios: readonly number[] }) {
  const counts = new Int32Array(BINS);
  for (const each of ratios)
    counts[Math.round(((Math.max(-MOST, Math.min(MOST, each)) + MOST) / (2 * MOST)) * (BINS - 1))]!++;
  const draw = (context: CanvasRenderingContext2D, width: number, height: number): void => {
    const { names } = palette.value;
    const most = Math.max(1, ...counts);
    const wide = width / BINS;
    context.fillStyle = css(names['line']!);
    context.fillRect(width / 2, 0, 1, height);
    context.fillStyle = css(names['mark']!);
    counts.forEach((count, i) => {
      if (count === 0) return;
      const tall = Math.max(2, (Math.sqrt(count) / Math.sqrt(most)) * height);
      context.fillRect(i * wide, height - tall, Math.max(1, wide - 1), tall);
    });
  };
  return (
    <>
      <Picture
        height={HEIGHT}
        label="Ratios of durations; faster in b on the left, slower on the right."
        draw={draw}
      />
      <p class="axis">
        <span>32 × faster</span>
        <span>the same</span>
        <span>32 × slower</span>
      </p>
    </>
  );
}

function Examples({ value }: { value: ComparisonAnswer }) {
  if (value.examples.length === 0) return <p class="empty">All partitions are alike.</p>;
  return (
    <div class="scrolled" tabIndex={0} role="group" aria-label="Partitions that differ">
      <table>
        <thead>
          <tr>
            <th>Partition</th>
            <th>a</th>
            <th>b</th>
            <th class="number">Rows</th>
            <th class="number">Returned</th>
            <th class="number">Took</th>
            <th>Because of</th>
          </tr>
        </thead>
        <tbody>
          {value.examples.map(({ id, a, b, causes }) => (
            <tr key={id}>
              <td>
                <a href={runAddress(b === null ? value.a.runId : value.b.runId, id)}>
                  {shown(partitionName(id))}
                </a>
              </td>
              <td>{a === null ? '' : <StatusMark status={a.status} />}</td>
              <td>{b === null ? '' : <StatusMark status={b.status} />}</td>
              <td class="number">{change(a?.rows, b?.rows, number)}</td>
              <td class="number">{change(a?.returnedRows, b?.returnedRows, number)}</td>
              <td class="number">{change(a?.durationMs, b?.durationMs, durationText)}</td>
              <td>
                {a === null || b === null
                  ? ''
                  : causes.map((cause) => CAUSES[cause] ?? cause).join(', ') || CAUSES['none']}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function change(
  a: number | null | undefined,
  b: number | null | undefined,
  text: (n: number) => string,
): string {
  const [before, after] = [a, b].map((value) => (value == null ? '–' : text(value)));
  return before === after ? before! : `${before} → ${after}`;
}

function ratio(value: number): string {
  return `${value.toPrecision(3).replace(/\.?0+$/, '')} ×`;
}

/** Other runs to compare with. */
function Choose({ a, b }: { a: string; b: string }) {
  const runs = useAnswer<RunPage>('runs?limit=50').value?.runs ?? [];
  const [chosen, setChosen] = useState(b);
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        go(pageAddress(`/compare/${encodeURIComponent(a)}/${encodeURIComponent(chosen)}`));
      }}
    >
      <label>
        Compare {shown(a)} with{' '}
        <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          {[...new Set([b, ...runs.map(({ runId }) => runId)])].map((runId) => (
            <option key={runId} value={runId}>
              {shown(runId)}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Compare</button>
    </form>
  );
}
