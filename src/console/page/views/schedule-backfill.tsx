/** Runs for past times: first the list, then the start. */
import { useState } from 'preact/hooks';
import { shellWord } from '../../../core/shell-word';
import type { ScheduleFiring, ScheduleView } from '../../..';
import { runAddress } from '../address';
import { Action } from '../parts/action';
import { plural, shown } from '../words';
import { ZonedTime } from './schedule-next';

interface Preview {
  from: string;
  to: string;
  firings: ScheduleFiring[];
}

export function BackfillForm({
  schedule: { id, spec },
  path,
  onChange,
}: {
  schedule: ScheduleView;
  path: string;
  onChange: () => void;
}) {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const [preview, setPreview] = useState<Preview | null>(null);
  const [started, setStarted] = useState<number | null>(null);
  const range = { from: from.trim(), to: to.trim() };
  const isCurrent = preview !== null && preview.from === range.from && preview.to === range.to;
  const command = `partwise schedule backfill ${shellWord(id)} --from ${shellWord(range.from)} --to ${shellWord(range.to)}`;
  const fresh = isCurrent ? preview.firings.filter(({ startedAt }) => startedAt === null).length : 0;
  return (
    <details class="form">
      <summary data-command="">Backfill …</summary>
      <p class="faint">Days, and times without an offset, are in {spec.timeZone}; both ends are included.</p>
      <div class="filters">
        <label>
          From{' '}
          <input
            value={from}
            placeholder="2026-11-01"
            onInput={(event) => setFrom(event.currentTarget.value)}
          />
        </label>
        <label>
          To{' '}
          <input value={to} placeholder="2026-11-07" onInput={(event) => setTo(event.currentTarget.value)} />
        </label>
        <Action<ScheduleFiring[]>
          label="List the times"
          path={`${path}/backfill/preview`}
          body={range}
          command={`${command} --dry-run`}
          onDone={(firings) => {
            setStarted(null);
            setPreview({ ...range, firings });
          }}
        />
      </div>
      {isCurrent && (
        <>
          <div class="scrolled" tabIndex={0} role="group" aria-label="Times">
            <table>
              <thead>
                <tr>
                  <th>{spec.timeZone}</th>
                  <th>Run</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {preview.firings.map(({ scheduledTime, runId, startedAt }, i) => (
                  <tr key={runId}>
                    <ZonedTime
                      iso={scheduledTime}
                      before={preview.firings[i - 1]?.scheduledTime ?? scheduledTime}
                      timeZone={spec.timeZone}
                    />
                    <td>
                      {startedAt === null ? shown(runId) : <a href={runAddress(runId)}>{shown(runId)}</a>}
                    </td>
                    <td>{startedAt === null ? 'will run' : 'already exists'}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {started === null ? (
            <Action<ScheduleFiring[]>
              label={`Start ${plural(fresh, 'run')}`}
              path={`${path}/backfill`}
              body={range}
              command={command}
              disabled={fresh === 0}
              onDone={(firings) => {
                setStarted(firings.filter(({ startedAt }) => startedAt === null).length);
                onChange();
              }}
            />
          ) : (
            <p role="status">{plural(started, 'run')} requested, one after the other.</p>
          )}
        </>
      )}
    </details>
  );
}
