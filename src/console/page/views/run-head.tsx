import { useEffect, useState } from 'preact/hooks';
import { failed } from '../../../core/status';
import { durationText } from '../../../display/measures';
import { keyText, sourceText } from '../../../display/processed';
import type { RunListing, RunPage, RunState } from '../../..';
import { multipleText, usualTime, type UsualTime } from '../../table/usual-time';
import { modelAddress, runAddress, runComparisonAddress } from '../address';
import { canChange } from '../project';
import { LongText } from '../parts/long-text';
import { RunsLink } from '../parts/runs-link';
import { useAnswer } from '../parts/use-answer';
import { StatusMark } from '../parts/status';
import { ExecutionTabs } from './execution-tabs';
import { RunActions } from './run-actions';
import { WorkersBanner } from './workers';
import type { RunStore } from '../run-store';
import { file } from '../session';
import { clock, countsText, number, plural, shown, time } from '../words';
import { Share } from './share';

const LAST_RUNS = 20;
/** The console says something every two seconds: older than this is worth saying. */
const OLD_S = 3;
const TICK_MS = 500;

export function RunHead({ store }: { store: RunStore }) {
  const now = store.now.value!;
  const { state } = now;
  // Not needed for the first picture.
  const runs = useLastRuns(store.drawn.value > 0 ? state.function : null);
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
        {facts(state, isContinuation(state) ? null : usualTime(runs, state.function, state.runId)).map(
          (fact) => (
            <span key={fact}>{fact}</span>
          ),
        )}
        {state.commit !== null && <Written commit={state.commit} />}
      </p>
      <Processed state={state} />
      {state.counts.DONE > 0 && file?.hasResults !== false && (
        <p class="facts">
          <a
            href={`${runAddress(state.runId)}/results${store.execution === null ? '' : `?execution=${store.execution}`}`}
          >
            Results
          </a>
          {file === null && <Earlier runs={runs} runId={state.runId} startedAt={state.startedAt} />}
        </p>
      )}
      <ExecutionTabs store={store} state={state} />
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
      {state.status === 'IN_PROGRESS' && !state.archived && store.drawn.value > 0 && (
        <WorkersBanner isBusy={now.units.running > 0} />
      )}
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
  const most = `${failures <= tolerated ? 'up to' : 'only'} ${number(tolerated)}`;
  const may = status === 'IN_PROGRESS' ? 'may fail' : tolerated === 1 ? 'was tolerated' : 'were tolerated';
  const within = isSaid ? `; ${most} ${may}` : '';
  return `${of}${reused > 0 ? ` (${number(reused)} reused)` : ''}${within}.`;
}

function facts(state: RunState, usual: UsualTime | null): string[] {
  const { startedAt, endedAt, snapshotTime, scheduledTime, maxConcurrency } = state;
  const ms = Math.max(0, (endedAt === null ? clock.value : Date.parse(endedAt)) - Date.parse(startedAt));
  const took = durationText(ms);
  return [
    `started ${time(startedAt)}`,
    endedAt === null ? `running for ${took}` : `took ${took}${multipleOfUsual(ms, usual)}`,
    ...remaining(state),
    ...(endedAt === null && usual !== null
      ? [`the median of its last ${plural(usual.runs, 'run')} is ${durationText(usual.ms)}`]
      : []),
    ...(snapshotTime === null ? [] : [`snapshot ${time(snapshotTime)}`]),
    ...(scheduledTime === null ? [] : [`for ${time(scheduledTime)}`]),
    ...(endedAt === null && maxConcurrency !== null ? [`${plural(maxConcurrency, 'unit')} at a time`] : []),
  ];
}

/** A retry takes the time of what was left, which says nothing beside whole runs. */
function isContinuation({ executions }: RunState): boolean {
  const last = executions.at(-1);
  return executions.slice(0, -1).some(({ generation }) => generation === last?.generation);
}

function multipleOfUsual(ms: number, usual: UsualTime | null): string {
  if (usual === null) return '';
  return `, ${multipleText(ms, usual)} the median of its last ${plural(usual.runs, 'run')}`;
}

/** What the commit wrote. */
function Written({ commit: { rows, target, modelVersion } }: { commit: NonNullable<RunState['commit']> }) {
  if (modelVersion === undefined)
    return (
      <span>
        {plural(rows, 'row')} written to {shown(target)}
      </span>
    );
  const version = `${shown(target)} version ${modelVersion}`;
  return (
    <span>
      {plural(rows, 'model')} registered as{' '}
      {file === null ? <a href={modelAddress(target, modelVersion)}>{version}</a> : version}
    </span>
  );
}

/** Which code ran on which rows, with which parameters. */
function Processed({ state: { function: name, functionDigest, input } }: { state: RunState }) {
  const digest = functionDigest === null ? '' : `@${functionDigest.slice(0, 7)}`;
  return (
    <div class="facts">
      {name !== null && (
        <span title={functionDigest === null ? undefined : `sha256 of its bundle: ${functionDigest}`}>
          function {shown(name)}
          {digest}
        </span>
      )}
      {input !== null && (
        <>
          <Named name="from" text={sourceText(input.source)} />
          <span>{shown(keyText(input))}</span>
          {input.where !== null && <Named name="where" text={input.where} />}
          {input.sql !== null && <Named name="sql" text={input.sql} />}
          {Object.keys(input.params).length > 0 && (
            <Named name="params" text={JSON.stringify(input.params)} />
          )}
        </>
      )}
    </div>
  );
}

function Named({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <span>{name}</span> <LongText text={text} />
    </div>
  );
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
  const [age, setAge] = useState(0);
  useEffect(() => {
    const look = (): void => {
      const seconds = Math.floor((Date.now() - store.heardAt) / 1_000);
      setAge(seconds < OLD_S ? 0 : seconds);
    };
    const timer = setInterval(look, TICK_MS);
    return () => clearInterval(timer);
  }, [store]);
  if (value.state === 'lost')
    return (
      <span class="chip is-lost" role="alert" title={value.why}>
        not connected since {time(new Date(value.since).toISOString())}: {shown(value.why)}
      </span>
    );
  if (value.state === 'still') return <span class="chip">exported file</span>;
  if (value.state === 'connecting') return <span class="chip">connecting</span>;
  if (state.archived) return <span class="chip">archived</span>;
  return (
    <span class="chip" title={age === 0 ? 'The console answers' : 'How long ago the console last answered'}>
      <span>live</span>
      {age === 0 ? '' : ` · ${age} s`}
    </span>
  );
}

/** The latest runs of the function: what people compare with. */
function useLastRuns(name: string | null): readonly RunListing[] {
  const isAsked = name !== null && file === null;
  const path = isAsked ? `runs?limit=${LAST_RUNS}&function=${encodeURIComponent(name)}` : null;
  return useAnswer<RunPage>(path).value?.runs ?? [];
}

/** The run before this one of the same function. */
function Earlier({
  runs,
  runId,
  startedAt,
}: {
  runs: readonly RunListing[];
  runId: string;
  startedAt: string;
}) {
  const before = runs.find((run) => run.runId !== runId && run.startedAt < startedAt);
  if (before === undefined) return null;
  return (
    <a href={runComparisonAddress({ runId: before.runId, execution: null }, { runId, execution: null })}>
      Compare with {shown(before.runId)}
    </a>
  );
}
