/** Units over time, by worker: what ran when, what waited, and where nothing happened. */
import { useState } from 'preact/hooks';
import { failed } from '../../../core/status';
import { durationText } from '../../../display/measures';
import type { RunNow, UnitsAnswer } from '../../wire/types';
import { setQuery } from '../address';
import { useAnswer } from '../parts/use-answer';
import { packLanes, type Bar } from '../pictures/lanes';
import { Picture } from '../pictures/picture';
import type { RunStore } from '../run-store';
import { css, palette } from '../theme';
import { plural, shown, time } from '../words';
import { PARTITION_STATUSES } from '../../../core/status';

const LANE = 8;
const GAP = 10;
const MOST = 320;
const REFRESH_MS = 2_000;

export function TimelinePanel({ store, now }: { store: RunStore; now: RunNow }) {
  const isOpen = now.state.endedAt === null;
  const { value: units } = useAnswer<UnitsAnswer>(store.path('/units'), {
    everyMs: isOpen ? REFRESH_MS : 0,
    version: isOpen ? 0 : now.version,
  });
  const [pointed, setPointed] = useState<Bar | null>(null);
  if (units === null) return <section class="panel wide" aria-label="Timeline" />;
  const end = isOpen ? Date.parse(now.state.asOf) : Date.parse(now.state.endedAt!);
  const { workers, from, to } = packLanes(units, end);
  const span = Math.max(1, to - from);
  const wanted = workers.reduce((sum, { lanes }) => sum + lanes.length * LANE + GAP, 0);
  const height = Math.min(MOST, Math.max(40, wanted));
  const squeeze = height / Math.max(1, wanted);

  const barsAt = (y: number): Bar[] => {
    let top = 0;
    for (const { lanes } of workers) {
      for (const bars of lanes) {
        if (y >= top && y < top + LANE * squeeze) return bars;
        top += LANE * squeeze;
      }
      top += GAP * squeeze;
    }
    return [];
  };
  const barAt = (event: PointerEvent): Bar | null => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const at = from + ((event.clientX - box.left) / box.width) * span;
    return (
      barsAt(event.clientY - box.top).find(
        ({ start, end: until }) => start <= at && at <= until + span / box.width,
      ) ?? null
    );
  };
  const draw = (context: CanvasRenderingContext2D, width: number, _: number, scale: number): void => {
    const { statuses, names } = palette.value;
    const colour = (name: (typeof PARTITION_STATUSES)[number]): string =>
      css(statuses[PARTITION_STATUSES.indexOf(name)]!);
    const x = (ms: number): number => ((ms - from) / span) * width;
    let y = 0;
    for (const { lanes } of workers) {
      for (const bars of lanes) {
        const tall = Math.max(1, (LANE * squeeze - 1) * scale);
        for (const bar of bars) {
          const { unit } = bar;
          context.fillStyle = css(names['line']!);
          context.fillRect(x(bar.waitedFrom), y + tall / 2, Math.max(0, x(bar.start) - x(bar.waitedFrom)), 1);
          const bad = failed(unit.counts) > 0 || unit.error !== null;
          context.fillStyle =
            unit.status === 'running' ? colour('RUNNING') : bad ? colour('FAILED') : colour('DONE');
          context.fillRect(x(bar.start), y, Math.max(1, x(bar.end) - x(bar.start)), tall);
          if (bar.unit.activityId === pointed?.unit.activityId) {
            context.strokeStyle = css(names['ink']!);
            context.strokeRect(x(bar.start), y, Math.max(1, x(bar.end) - x(bar.start)), tall);
          }
        }
        y += LANE * squeeze * scale;
      }
      y += GAP * squeeze * scale;
    }
  };

  return (
    <section class="panel wide" aria-label="Timeline">
      <h2>
        Timeline <span class="faint">{plural(now.units.total, 'unit')} by worker</span>
      </h2>
      {units.length === 0 ? (
        <p class="empty">Nothing has been scheduled yet.</p>
      ) : (
        <>
          <Picture
            height={height}
            label={`${plural(now.units.total, 'unit')} on ${plural(workers.length, 'worker')}, over ${durationText(span)}.`}
            draw={draw}
            of={[units, end, pointed]}
            onPointerMove={(event) => setPointed(barAt(event))}
            onPointerLeave={() => setPointed(null)}
            onPointerUp={() => {
              if (pointed !== null) setQuery({ ordinals: `${pointed.unit.from}-${pointed.unit.to}` });
            }}
          />
          <p class="axis">
            <span>{time(new Date(from).toISOString())}</span>
            <span>{durationText(span)}</span>
            <span>{time(new Date(to).toISOString())}</span>
          </p>
          <p class="hover">
            {pointed === null ? (
              <span class="faint">{workers.map(({ name }) => shown(name)).join(', ')}</span>
            ) : (
              sentence(pointed)
            )}
          </p>
        </>
      )}
    </section>
  );
}

function sentence({ unit, start, end }: Bar): string {
  const what = shown(unit.label ?? `unit ${unit.activityId}`);
  const round = unit.round > 0 ? `, round ${unit.round + 1}` : '';
  const attempts = unit.attempts > 1 ? `, attempt ${unit.attempts}` : '';
  return `${what}: ${plural(unit.partitions, 'partition')}, ${durationText(end - start)}${round}${attempts}, on ${shown(unit.worker ?? 'an unknown worker')}. A click shows its partitions.`;
}
