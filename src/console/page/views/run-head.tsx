import { useEffect, useState } from 'preact/hooks';
import { failed } from '../../../core/status';
import { durationText } from '../../../display/measures';
import type { RunPage, RunState } from '../../..';
import type { RunNow } from '../../wire/types';
import { pageAddress, runAddress } from '../address';
import { canChange } from '../project';
import { RunsLink } from '../parts/runs-link';
import { useAnswer } from '../parts/use-answer';
import { StatusMark } from '../parts/status';
import { RunActions } from './run-actions';
import { WorkersBanner } from './workers';
import type { RunStore } from '../run-store';
import { file } from '../session';
import { clock, countsText, number, plural, shown, time } from '../words';
import { Share } from './share';

export function RunHead({ store, now }: { store: RunStore; now: RunNow }) {
  const { state } = now;
  return (
    <section class="head" aria-label="The run">
      <p class="crumbs">
        <RunsLink />
        <ConnectionChip store={store} state={state} />
        {file === null && <Share store={store} execution={state.executions.at(-1)?.execution ?? null} />}
      </p>
      <h1>
        <StatusMark status={state.status} /> {shown(state.runId)}
      </h1>
      {canChange() && store.execution === null && <RunActions state={state} />}
      <p class="sentence" role="status">
        {verdict(state)}
      </p>
      <p class="facts">
        {facts(state).map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </p>
      {state.counts.DONE > 0 && file === null && (
        <p class="facts">
          <a
            href={`${runAddress(state.runId)}/results${store.execution === null ? '' : `?execution=${store.execution}`}`}
          >
            Results
          </a>
          <Earlier runId={state.runId} name={state.function} startedAt={state.startedAt} />
        </p>
      )}
      {state.executions.length > 1 && file === null && (
        <p class="facts">
          {state.executions.map(({ workflowRunId, execution, status, startedAt }) => (
            <a
              key={workflowRunId}
              href={`${runAddress(state.runId)}?execution=${workflowRunId}`}
              aria-current={workflowRunId === (store.execution ?? state.executions.at(-1)!.workflowRunId)}
              title={`${status}, started ${time(startedAt)}`}
            >
              execution {execution ?? '?'}
            </a>
          ))}
        </p>
      )}
      {state.error !== null && (
        <p class="refusal">
          <b>{shown(state.error.type)}</b>: {shown(state.error.message)}
        </p>
      )}
      {state.waiting !== null && (
        <p class="warning">
          Waiting: {state.waiting.activity} failed with “{shown(state.waiting.error.message)}” and is tried
          again (attempt {state.waiting.attempt}).
        </p>
      )}
      {state.status === 'IN_PROGRESS' && !state.archived && <WorkersBanner isBusy={now.units.running > 0} />}
      {state.paused && (
        <p class="warning">
          Paused{state.pausedBy === null ? '' : ` by ${shown(state.pausedBy)}`}
          {state.pausedAt === null ? '' : ` at ${time(state.pausedAt)}`}: what is running continues, and
          nothing else is started.
        </p>
      )}
    </section>
  );
}

/** The answer to "is it all right?". */
function verdict({ status, counts, rows, toleratedFailures, reused }: RunState): string {
  if (counts.total === 0) return status === 'IN_PROGRESS' ? 'Not planned yet.' : 'No partition was started.';
  const failures = failed(counts);
  const tolerated = toleratedFailures ?? 0;
  const of = `${plural(counts.total, 'partition')}${rows === null ? '' : `, ${plural(rows, 'row')}`}: ${countsText(counts)}`;
  // A run without any DONE partition is a FAILURE, whatever it tolerates.
  const isSaid = failures > 0 && tolerated > 0 && status !== 'FAILURE' && status !== 'CANCELLED';
  const within = isSaid ? `; ${failures <= tolerated ? '' : 'only '}${number(tolerated)} may fail` : '';
  return `${of}${reused > 0 ? ` (${number(reused)} reused)` : ''}${within}.`;
}

function facts(state: RunState): string[] {
  const { startedAt, endedAt, function: name, snapshotTime, scheduledTime, maxConcurrency, commit } = state;
  const until = endedAt === null ? clock.value : Date.parse(endedAt);
  const took = durationText(Math.max(0, until - Date.parse(startedAt)));
  return [
    ...(name === null ? [] : [`function ${shown(name)}`]),
    `started ${time(startedAt)}`,
    endedAt === null ? `running for ${took}` : `took ${took}`,
    ...remaining(state),
    ...(snapshotTime === null ? [] : [`snapshot ${time(snapshotTime)}`]),
    ...(scheduledTime === null ? [] : [`for ${time(scheduledTime)}`]),
    ...(endedAt === null && maxConcurrency !== null ? [`${plural(maxConcurrency, 'unit')} at a time`] : []),
    ...(commit === null ? [] : [`${plural(commit.rows, 'row')} written to ${shown(commit.target)}`]),
  ];
}

/** A rough end from the rate so far: a range, since the rest may be slower or faster. */
function remaining({ status, counts, startedAt, snapshotTime, paused }: RunState): string[] {
  const ended = counts.total - counts.PENDING - counts.RUNNING;
  if (status !== 'IN_PROGRESS' || paused || ended === 0 || ended === counts.total) return [];
  const passed = clock.value - Date.parse(snapshotTime ?? startedAt);
  const left = (passed / ended) * (counts.total - ended);
  return [`about ${durationText(left * 0.7)} to ${durationText(left * 1.5)} left`];
}

function ConnectionChip({ store, state }: { store: RunStore; state: RunState }) {
  const { value } = store.connection;
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  if (value.state === 'lost')
    return (
      <span class="chip is-lost" role="alert" title={value.why}>
        not connected since {time(new Date(value.since).toISOString())}: {shown(value.why)}
      </span>
    );
  if (value.state === 'still') return <span class="chip">exported file</span>;
  if (value.state === 'connecting') return <span class="chip">connecting</span>;
  if (state.archived) return <span class="chip">archived</span>;
  return <span class="chip">live</span>;
}

/** The run before this one of the same function: what people compare with. */
function Earlier({ runId, name, startedAt }: { runId: string; name: string | null; startedAt: string }) {
  const path = name === null ? null : `runs?limit=20&function=${encodeURIComponent(name)}`;
  const runs = useAnswer<RunPage>(path).value?.runs ?? [];
  const before = runs.find((run) => run.runId !== runId && run.startedAt < startedAt);
  if (before === undefined) return null;
  return (
    <a href={pageAddress(`/compare/${encodeURIComponent(before.runId)}/${encodeURIComponent(runId)}`)}>
      Compare with {shown(before.runId)}
    </a>
  );
}
