/** The next times of a schedule, in its own time zone and in the page's. */
import { timeText } from '../../../display/measures';
import type { ScheduleView } from '../../..';
import { clockChange, offsetOf } from '../zones';
import { zone } from '../words';

export function NextTimes({ schedule: { next, spec, paused } }: { schedule: ScheduleView }) {
  const own = spec.timeZone;
  const zones = zone() === own ? [own] : [own, zone()];
  return (
    <section class="panel" aria-label="Next times">
      <h2>
        Next {next.length === 0 ? '' : next.length} {paused && <span class="faint">if it is unpaused</span>}
      </h2>
      {next.length === 0 ? (
        <p class="empty">It is never due again.</p>
      ) : (
        <table>
          <thead>
            <tr>
              {zones.map((each) => (
                <th key={each}>{each}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {next.map((iso, i) => (
              <tr key={iso}>
                {zones.map((each) => (
                  <ZonedTime
                    key={each}
                    iso={iso}
                    before={next[i - 1] ?? new Date().toISOString()}
                    timeZone={each}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** A time with its offset; marked where the clocks have changed since the one before. */
export function ZonedTime({ iso, before, timeZone }: { iso: string; before: string; timeZone: string }) {
  const change = clockChange(before, iso, timeZone);
  return (
    <td>
      {timeText(iso, timeZone)} <span class="faint nowrap">{offsetOf(iso, timeZone)}</span>
      {change !== null && <span class="clock-change">clocks change: {change}</span>}
    </td>
  );
}
