/** All runs, the newest first. */
import { RUN_STATUSES } from '../../../core/status';
import { durationText } from '../../../display/measures';
import type { RunListing, RunPage } from '../../..';
import { multipleText, usualTime } from '../../table/usual-time';
import { query, runAddress, setQuery } from '../address';
import { CountsBar, StatusMark } from '../parts/status';
import { useAnswer } from '../parts/use-answer';
import { project } from '../project';
import { number, plural, shown, time, zone } from '../words';
import { dayOf, nextDay, startOfDay } from '../zones';

const REFRESH_MS = 3_000;

/** Parameters of the address that select runs. */
const FILTERS = ['status', 'text', 'function', 'from', 'to'] as const;

export function RunsPage() {
  const archived = query.value.get('archived') === 'true';
  const filtered = FILTERS.some((name) => query.value.has(name));
  const { value: page, problem } = useAnswer<RunPage>(`runs?${question(archived)}`, { everyMs: REFRESH_MS });
  document.title = 'Runs · Partwise';

  return (
    <>
      <h1>{archived ? 'Runs in archives' : 'Runs'}</h1>
      <Filters />
      {problem !== null && <p class="refusal">{problem}</p>}
      {page === null && problem === null && <div class="shape table-shape" role="img" aria-label="Loading" />}
      {page !== null && page.runs.length + page.unread.length === 0 && page.next === null && (
        <NoRuns filtered={filtered} archived={archived} />
      )}
      {page !== null && page.runs.length > 0 && <Listed runs={page.runs} />}
      {page?.unread.map(({ runId, why }) => (
        <p key={runId} class="warning">
          The run {shown(runId)} cannot be read: {shown(why)}
        </p>
      ))}
      {page !== null && page.refused > 0 && (
        <p class="faint">
          {page.refused === 1 ? '1 start was' : `${page.refused} starts were`} refused in this time, so
          nothing was run.
        </p>
      )}
      <p class="pager">
        {query.value.has('after') && (
          <button type="button" onClick={() => setQuery({ after: null }, { push: true })}>
            Newest
          </button>
        )}
        {page?.next != null && (
          <button type="button" onClick={() => setQuery({ after: page.next }, { push: true })}>
            Older
          </button>
        )}
        {project.value?.hasProject === true && (archived || page?.next === null) && (
          <button
            type="button"
            onClick={() => setQuery({ archived: archived ? null : 'true', after: null }, { push: true })}
          >
            {archived ? 'Runs on the server' : 'Runs that only archives have'}
          </button>
        )}
      </p>
    </>
  );
}

/** What is asked of the console. Days are those of the page's time zone. */
function question(archived: boolean): URLSearchParams {
  const parameters = new URLSearchParams(archived ? { archived: 'true' } : { counted: 'true' });
  for (const name of ['status', 'function', 'text', 'after']) {
    const value = query.value.get(name);
    if (value !== null) parameters.set(name, value);
  }
  const from = dayOf(query.value.get('from'));
  const to = dayOf(query.value.get('to'));
  if (from !== null) parameters.set('from', startOfDay(from, zone()).toISOString());
  if (to !== null) parameters.set('before', startOfDay(nextDay(to), zone()).toISOString());
  return parameters;
}

function Filters() {
  const set = (name: string, value: string): void => setQuery({ [name]: value.trim() || null, after: null });
  const value = (name: string): string => query.value.get(name) ?? '';
  const field = (name: (typeof FILTERS)[number], title: string, attributes: object) => (
    <label>
      {title}{' '}
      <input
        type="search"
        placeholder="any"
        {...attributes}
        value={value(name)}
        onChange={(event) => set(name, event.currentTarget.value)}
      />
    </label>
  );
  return (
    <div class="filters">
      <label>
        Status{' '}
        <select value={value('status')} onChange={(event) => set('status', event.currentTarget.value)}>
          <option value="">any</option>
          {RUN_STATUSES.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      {field('text', 'Run id', {})}
      {field('function', 'Function', { placeholder: 'any ( / )', 'data-key': '/' })}
      {field('from', 'Started from', { type: 'date' })}
      {field('to', 'to', { type: 'date' })}
    </div>
  );
}

function Listed({ runs }: { runs: readonly RunListing[] }) {
  return (
    <table class="runs">
      <thead>
        <tr>
          <th>Status</th>
          <th>Run</th>
          <th class="wide-only">Function</th>
          <th class="wide-only">Share</th>
          <th class="number nowrap">Partitions</th>
          <th class="number wide-only">Rows</th>
          <th class="wide-only">Started</th>
          <th class="number">Took</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.runId}>
            <td>
              <StatusMark status={run.status} /> {run.archived && <span class="badge">archived</span>}
            </td>
            <td>
              <a href={runAddress(run.runId)}>{shown(run.runId)}</a>
              {run.error !== null && (
                <span class="cause" title={shown(run.error.message)}>
                  {shown(run.error.message)}
                </span>
              )}
            </td>
            <td class="function wide-only">{run.function === null ? '' : shown(run.function)}</td>
            <td class="counts wide-only">{run.counts !== null && <CountsBar counts={run.counts} />}</td>
            <td class="number nowrap">{run.counts === null ? '' : number(run.counts.total)}</td>
            <td class="number wide-only">{run.rows === null ? '' : number(run.rows)}</td>
            <td class="wide-only nowrap">{time(run.startedAt)}</td>
            <td class="number nowrap">
              <Took run={run} runs={runs} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The time, against the other runs of the function in the list. */
function Took({ run, runs }: { run: RunListing; runs: readonly RunListing[] }) {
  const { runId, function: name, startedAt, endedAt } = run;
  const ms = Math.max(0, Date.parse(endedAt ?? new Date().toISOString()) - Date.parse(startedAt));
  const usual = usualTime(runs, name, runId);
  return (
    <>
      {durationText(ms)}
      {usual !== null && (
        <span
          class="multiple wide-only"
          title={`Against ${durationText(usual.ms)}, the median of the ${plural(usual.runs, 'other run')} of this function in the list`}
        >
          {multipleText(ms, usual)}
        </span>
      )}
    </>
  );
}

function NoRuns({ filtered, archived }: { filtered: boolean; archived: boolean }) {
  if (filtered) return <p class="empty">No run matches the filter.</p>;
  if (archived) return <p class="empty">The server still has every run that the stage has an archive of.</p>;
  return (
    <p class="empty">
      There are no runs yet. Start one in a terminal: <code>partwise run</code>
    </p>
  );
}
