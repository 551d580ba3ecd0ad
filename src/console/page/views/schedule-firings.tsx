/** What became of the latest firings of a schedule. */
import { durationText, timeText } from '../../../display/measures';
import type { ScheduleView } from '../../..';
import type { Firing } from '../../wire/schedules';
import { runAddress } from '../address';
import { countsText, GLYPHS, number, plural, RUN_COLOURS, shown } from '../words';

/** Of the tallest bar. */
const TALLEST = 100;
const LEAST = 4;

export function FiringsPanel({ schedule, firings }: { schedule: ScheduleView; firings: readonly Firing[] }) {
  const longest = Math.max(1, ...firings.map(({ took }) => took ?? 0));
  return (
    <section class="panel" aria-label="Latest firings">
      <h2>
        Latest {plural(firings.length, 'firing')} <span class="faint">height: time taken</span>
      </h2>
      {firings.length === 0 ? (
        <p class="empty">It has not fired yet.</p>
      ) : (
        <>
          <ol class="firings">
            {firings.map((firing) => (
              <FiringBar
                key={firing.runId}
                firing={firing}
                share={(firing.took ?? 0) / longest}
                timeZone={schedule.spec.timeZone}
              />
            ))}
          </ol>
          <p class="axis">
            <span>{timeText(firings[0]!.scheduledTime, schedule.spec.timeZone)}</span>
            <span>the tallest took {durationText(longest)}</span>
            <span>{timeText(firings.at(-1)!.scheduledTime, schedule.spec.timeZone)}</span>
          </p>
        </>
      )}
      <p>{countsSentence(schedule)}</p>
      <Refusals schedule={schedule} />
    </section>
  );
}

function FiringBar({ firing, share, timeZone }: { firing: Firing; share: number; timeZone: string }) {
  const { runId, status, refused, took, scheduledTime, counts } = firing;
  const colour = status === null ? 'pending' : RUN_COLOURS[status].toLowerCase();
  const words = [
    `due ${timeText(scheduledTime, timeZone)} (${timeZone})`,
    refused === null ? (status ?? 'the server has deleted the run') : `refused: ${shown(refused)}`,
    ...(took === null ? [] : [`took ${durationText(took)}`]),
    ...(counts === null ? [] : [countsText(counts)]),
  ].join(', ');
  return (
    <li>
      <a href={runAddress(runId)} title={words} aria-label={words}>
        <i
          class={refused === null ? `bar-of is-${colour}` : 'bar-of is-refused'}
          style={{ height: `${Math.max(LEAST, share * TALLEST)}px` }}
        />
        <span class={`status is-${colour}`} aria-hidden="true">
          {refused === null ? (status === null ? '?' : GLYPHS[status]) : '!'}
        </span>
      </a>
    </li>
  );
}

function countsSentence({ counts: { started, skipped, missed }, recent }: ScheduleView): string {
  const refused = recent.filter((firing) => firing.refused !== null).length;
  const parts = [
    `${plural(started, 'firing')} so far`,
    `${number(skipped)} skipped because a run was in progress`,
    `${number(missed)} missed because the server was down for too long`,
    `${number(refused)} of the last ${number(recent.length)} refused`,
  ];
  return `${parts.join('; ')}.`;
}

/** Each reason once, with the last time that it was met. */
function Refusals({ schedule: { recent, spec } }: { schedule: ScheduleView }) {
  const reasons = new Map<string, string>();
  for (const { refused, scheduledTime } of recent)
    if (refused !== null) reasons.set(`${refused.type}: ${refused.message}`, scheduledTime);
  return (
    <>
      {[...reasons].map(([reason, iso]) => (
        <p key={reason} class="refusal">
          {timeText(iso, spec.timeZone)} refused, so nothing was run: {shown(reason)}
        </p>
      ))}
    </>
  );
}
