/** All runs, the newest first. */
import { useState } from 'preact/hooks';
import { RUN_STATUSES } from '../../../core/status';
import { durationText } from '../../../display/measures';
import type { RunPage } from '../../..';
import { query, runAddress, setQuery } from '../address';
import { CountsBar, StatusMark } from '../parts/status';
import { useAnswer } from '../parts/use-answer';
import { number, shown, time } from '../words';

const REFRESH_MS = 3_000;

export function RunsPage() {
  const [cursors, setCursors] = useState<string[]>([]);
  const status = query.value.get('status');
  const name = query.value.get('function');
  const text = query.value.get('text');
  const parameters = new URLSearchParams();
  if (status !== null) parameters.set('status', status);
  if (name !== null) parameters.set('function', name);
  if (text !== null) parameters.set('text', text);
  const after = cursors.at(-1);
  if (after !== undefined) parameters.set('after', after);
  const { value: page, problem } = useAnswer<RunPage>(`runs?${parameters}`, { everyMs: REFRESH_MS });
  document.title = 'Runs · Partwise';

  return (
    <>
      <h1>Runs</h1>
      <div class="filters">
        <label>
          Status{' '}
          <select
            value={status ?? ''}
            onChange={(event) => {
              setCursors([]);
              setQuery({ status: event.currentTarget.value || null });
            }}
          >
            <option value="">any</option>
            {RUN_STATUSES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          Run id{' '}
          <input
            type="search"
            value={text ?? ''}
            placeholder="any"
            onChange={(event) => {
              setCursors([]);
              setQuery({ text: event.currentTarget.value.trim() || null });
            }}
          />
        </label>
        <label>
          Function{' '}
          <input
            type="search"
            value={name ?? ''}
            placeholder="any ( / )"
            data-key="/"
            onChange={(event) => {
              setCursors([]);
              setQuery({ function: event.currentTarget.value.trim() || null });
            }}
          />
        </label>
      </div>
      {problem !== null && <p class="refusal">{problem}</p>}
      {page === null && problem === null && <div class="shape table-shape" role="img" aria-label="Loading" />}
      {page !== null && page.runs.length === 0 && (
        <NoRuns filtered={status !== null || name !== null || text !== null} />
      )}
      {page !== null && page.runs.length > 0 && (
        <table class="runs">
          <thead>
            <tr>
              <th>Status</th>
              <th>Run</th>
              <th>Function</th>
              <th colSpan={2}>Partitions</th>
              <th>Started</th>
              <th class="number">Took</th>
            </tr>
          </thead>
          <tbody>
            {page.runs.map((run) => (
              <tr key={run.runId}>
                <td>
                  <StatusMark status={run.status} />
                </td>
                <td>
                  <a href={runAddress(run.runId)}>{shown(run.runId)}</a>
                  {run.error !== null && (
                    <span class="cause" title={shown(run.error.message)}>
                      {shown(run.error.message)}
                    </span>
                  )}
                </td>
                <td>{run.function === null ? '' : shown(run.function)}</td>
                <td class="counts">{run.counts !== null && <CountsBar counts={run.counts} />}</td>
                <td class="number">{run.counts === null ? '' : number(run.counts.total)}</td>
                <td>{time(run.startedAt)}</td>
                <td class="number">
                  {durationText(
                    Math.max(
                      0,
                      Date.parse(run.endedAt ?? new Date().toISOString()) - Date.parse(run.startedAt),
                    ),
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p class="pager">
        {cursors.length > 0 && (
          <button type="button" onClick={() => setCursors(cursors.slice(0, -1))}>
            Newer
          </button>
        )}
        {page?.next != null && (
          <button type="button" onClick={() => setCursors([...cursors, page.next!])}>
            Older
          </button>
        )}
      </p>
    </>
  );
}

function NoRuns({ filtered }: { filtered: boolean }) {
  if (filtered) return <p class="empty">No run matches the filter.</p>;
  return (
    <p class="empty">
      There are no runs yet. Start one in a terminal: <code>partwise run</code>
    </p>
  );
}
