/** All schedules. */
import { timeText } from '../../../display/measures';
import type { ScheduleListing, ScheduleSpecView } from '../../..';
import { runAddress, scheduleAddress } from '../address';
import { useAnswer } from '../parts/use-answer';
import { shown, time } from '../words';

const REFRESH_MS = 5_000;

export function SchedulesPage() {
  const { value: schedules, problem } = useAnswer<ScheduleListing[]>('schedules', { everyMs: REFRESH_MS });
  document.title = 'Schedules · Partwise';
  return (
    <>
      <h1>Schedules</h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {schedules === null && problem === null && <div class="shape table-shape" aria-label="Loading" />}
      {schedules !== null && schedules.length === 0 && (
        <p class="empty">
          There are no schedules yet. Create one in a terminal: <code>partwise schedule create</code>
        </p>
      )}
      {schedules !== null && schedules.length > 0 && (
        <table class="listing">
          <thead>
            <tr>
              <th>State</th>
              <th>Schedule</th>
              <th class="wide-only">Function</th>
              <th class="wide-only">Due</th>
              <th>Next</th>
              <th class="wide-only">Last</th>
            </tr>
          </thead>
          <tbody>
            {schedules.map((schedule) => (
              <Line key={schedule.id} schedule={schedule} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Line({
  schedule: { id, paused, note, function: name, spec, next, last },
}: {
  schedule: ScheduleListing;
}) {
  return (
    <tr>
      <td>
        <ScheduleState paused={paused} />
      </td>
      <td>
        <a class="row-link" href={scheduleAddress(id)}>
          {shown(id)}
        </a>
        {paused && note !== null && <span class="cause">{shown(note)}</span>}
      </td>
      <td class="wide-only">{name === null ? '' : shown(name)}</td>
      <td class="wide-only">
        {shown(dueText(spec))} <span class="faint">{spec.timeZone}</span>
      </td>
      <td>
        {next === null || paused ? (
          <span class="faint">{paused ? 'none while paused' : 'never'}</span>
        ) : (
          <span title={`${timeText(next, spec.timeZone)} in ${spec.timeZone}`}>{time(next)}</span>
        )}
      </td>
      <td class="wide-only">
        {last !== null && <a href={runAddress(last.runId)}>{time(last.scheduledTime)}</a>}
      </td>
    </tr>
  );
}

export function ScheduleState({ paused }: { paused: boolean }) {
  return (
    <span class={paused ? 'status is-running' : 'status is-done'}>
      <i aria-hidden="true">{paused ? '‖' : '✓'}</i> {paused ? 'paused' : 'on'}
    </span>
  );
}

export function dueText({ cron, every }: ScheduleSpecView): string {
  return [...cron, ...every.map((interval) => `every ${interval}`)].join('; ') || 'never';
}
