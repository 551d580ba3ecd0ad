/** What changed between two runs, and why. */
import { useState } from 'preact/hooks';
import type { ComparedRun, RunPage } from '../../..';
import { PARTITION_STATUSES } from '../../../core/status';
import { partitionName } from '../../../core/partition-name';
import { shellWord } from '../../../core/shell-word';
import { durationText } from '../../../display/measures';
import type { ComparisonAnswer } from '../../wire/types';
import { executionsQuery, go, runAddress, runComparisonAddress, type RunToCompare } from '../address';
import { CopyCommand } from '../parts/copy';
import { StatusMark } from '../parts/status';
import { RunsLink } from '../parts/runs-link';
import { useAnswer } from '../parts/use-answer';
import { DurationRatios } from './duration-ratios';
import { number, plural, shown, time } from '../words';

export function ComparePage({ a, b }: { a: RunToCompare; b: RunToCompare }) {
  const { value, problem } = useAnswer<ComparisonAnswer>(
    `runs/${encodeURIComponent(a.runId)}/compare/${encodeURIComponent(b.runId)}${executionsQuery(a, b)}`,
  );
  const areExecutions = a.runId === b.runId && value !== null;
  const names = areExecutions
    ? [`${a.runId}, execution ${value.a.execution}`, `execution ${value.b.execution}`]
    : [a.runId, b.runId];
  document.title = shown(`${names.join(' and ')} · Partwise`);
  return (
    <>
      <p class="crumbs">
        <RunsLink />
        compare
      </p>
      <h1>
        {shown(names[0]!)} <span class="faint">and</span> {shown(names[1]!)}
      </h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value === null && problem === null && (
        <div class="shape table-shape" role="img" aria-label="Loading" />
      )}
      {value !== null && <Comparison value={value} />}
      <Choose a={a} b={b} />
      {value !== null && (
        <p>
          <CopyCommand command={commandOf(value, a, b)} />
        </p>
      )}
    </>
  );
}

function commandOf(value: ComparisonAnswer, a: RunToCompare, b: RunToCompare): string {
  const flags = [
    ...(a.runId === b.runId ? [] : [shellWord(b.runId)]),
    ...(a.execution === null ? [] : [`--execution-a ${value.a.execution}`]),
    ...(b.execution === null ? [] : [`--execution-b ${value.b.execution}`]),
  ];
  return ['partwise compare', shellWord(a.runId), ...flags].join(' ');
}

function Comparison({ value }: { value: ComparisonAnswer }) {
  const { a, b, inBoth, differences, causes, changed, different, rowsCompared, durationRatios } = value;
  const counts = Object.entries(differences).filter(([, count]) => count > 0);
  const reasons = Object.entries(causes).filter(([, count]) => count > 0);
  // What has changed for partitions that are alike, too.
  const changes = (Object.keys(changed) as (keyof typeof changed)[]).filter(
    (name) => changed[name] > causes[name],
  );
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
      {changes.length > 0 && (
        <p>
          Changed among all in both:{' '}
          {changes.map((name) => `${CAUSES[name] ?? name} (${number(changed[name])})`).join(', ')}.
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
              <DurationRatios ratios={value.ratios} />
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
                <a href={partitionAddress(b === null ? value.a : value.b, id)}>{shown(partitionName(id))}</a>
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

function partitionAddress({ runId, workflowRunId }: ComparedRun, id: string): string {
  return `${runAddress(runId, id)}?execution=${workflowRunId}`;
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
function Choose({ a, b }: { a: RunToCompare; b: RunToCompare }) {
  const runs = useAnswer<RunPage>('runs?limit=50').value?.runs ?? [];
  const [chosen, setChosen] = useState(b.runId);
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        go(runComparisonAddress({ ...a, execution: null }, { runId: chosen, execution: null }));
      }}
    >
      <label>
        Compare {shown(a.runId)} with{' '}
        <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          {[...new Set([b.runId, ...runs.map(({ runId }) => runId)])].map((runId) => (
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
