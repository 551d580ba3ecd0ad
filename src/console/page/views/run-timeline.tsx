/** Units over time, by worker: what ran when, what waited, and where nothing happened. */
import { useComputed, type ReadonlySignal } from '@preact/signals';
import { useMemo, useRef, useState } from 'preact/hooks';
import { durationText } from '../../../display/measures';
import type { UnitsAnswer } from '../../wire/types';
import { query, setQuery } from '../address';
import { useAnswerSignal } from '../parts/use-answer';
import { unitName } from '../parts/partition-name';
import { drawBars, drawGaps, drawPointed, type TimeCanvas } from '../pictures/draw-timeline';
import { barAtPoint, barByKey } from '../pictures/find-bar';
import { packLanes, placeLanes, type Bar } from '../pictures/lanes';
import { partOf, partText } from '../pictures/part';
import { Picture } from '../pictures/picture';
import { useLayer } from '../pictures/use-layer';
import { useZoom } from '../pictures/use-zoom';
import { gapsOf, type Gap } from '../pictures/work';
import { ZoomButtons } from '../pictures/zoom-buttons';
import type { RunStore } from '../run-store';
import { palette } from '../theme';
import { clock, plural, shown, time } from '../words';
import { TimelineLoad } from './timeline-load';

const REFRESH_MS = 2_000;
/** Milliseconds of the shortest part of a timeline. */
const LEAST_MS = 20;
/** A gap is marked if it has this share of the time, and lasts this long. */
const GAP_SHARE = 0.01;
const GAP_MS = 500;

/** The run's units, for all panels; null until they are known. */
export function useUnits(store: RunStore): ReadonlySignal<UnitsAnswer | null> {
  // While the partitions are being read, the first picture is made of them; otherwise it comes before them.
  const wasWanted = useRef(false);
  const { value: isWanted } = useComputed(() => {
    const { value: now } = store.now;
    const isFirst = now?.version === 0;
    return (wasWanted.current ||= (now?.total ?? 0) > 0 && (isFirst || store.drawn.value > 0));
  });
  const { value: isOpen } = useComputed(() => store.now.value?.state.endedAt === null);
  const { value: executions } = useComputed(() => store.now.value?.state.executions.length ?? 0);
  return useAnswerSignal<UnitsAnswer>(isWanted ? store.path('/units') : null, {
    everyMs: isOpen ? REFRESH_MS : 0,
    // Those of an execution that has ended stay the same.
    version: executions,
  });
}

interface TimelineProps {
  store: RunStore;
  units: ReadonlySignal<UnitsAnswer | null>;
}

export function TimelinePanel({ store, units: { value: units } }: TimelineProps) {
  const { value: endedAt } = useComputed(() => store.now.value!.state.endedAt);
  const { value: waiting } = useComputed(() => store.now.value!.units.waiting);
  if (units === null) return <section class="panel wide" aria-label="Timeline" />;
  return (
    <section class="panel wide timeline" aria-label="Timeline">
      {units.length === 0 ? (
        <>
          <h2>Timeline</h2>
          <p class="empty">
            {endedAt === null ? 'Nothing has been scheduled yet.' : 'Nothing ran in this execution.'}
          </p>
        </>
      ) : (
        <Timeline units={units} waiting={waiting} endedAt={endedAt} />
      )}
    </section>
  );
}

function Timeline({
  units,
  waiting,
  endedAt,
}: {
  units: UnitsAnswer;
  /** Number of units that have not started. */
  waiting: number;
  endedAt: string | null;
}) {
  // Running bars have grown whenever the units are known anew, which they are not without a connection.
  const { bars, workers, placed, from, total, gaps } = useMemo(
    () => layoutOf(units, endedAt),
    [units, endedAt],
  );
  const [pointed, setPointed] = useState<Bar | null>(null);
  const width = useRef(1);
  const layer = useLayer();
  const zoom = useZoom({
    view: partOf(query.value.get('time'), total),
    total,
    least: LEAST_MS,
    positionAt: ({ offsetX }) => view[0] + (offsetX / width.current) * (view[1] - view[0]),
    moveOf: (right, _, part) => (-right / width.current) * (part[1] - part[0]),
    show: (part) => setQuery({ time: partText(part, total) }),
  });
  const { view, isWhole } = zoom;
  const [begin, until] = [from + view[0], from + view[1]];

  const draw = (context: CanvasRenderingContext2D, wide: number, height: number, scale: number): void => {
    width.current = wide / scale;
    const canvas: TimeCanvas = {
      context,
      width: wide,
      height,
      scale,
      from: begin,
      to: until,
      palette: palette.value,
    };
    layer(context, [placed, begin, until, palette.value], (layered) => {
      drawGaps({ ...canvas, context: layered }, gaps);
      drawBars({ ...canvas, context: layered }, placed);
    });
    if (pointed !== null) drawPointed(canvas, placed, pointed);
  };
  const select = ({ unit }: Bar): void => setQuery({ ordinals: `${unit.from}-${unit.to}` });
  const underneath = (event: MouseEvent): Bar | null =>
    barAtPoint(placed, event.offsetY, {
      at: begin + (event.offsetX / width.current) * (until - begin),
      slack: (until - begin) / width.current,
    });
  const onKeyDown = (event: KeyboardEvent): void => {
    const around = pointed === null ? (view[0] + view[1]) / 2 : pointed.start - from;
    const next = barByKey(placed, pointed, event.key, begin);
    if (next !== null) {
      setPointed(next);
      if (next.end < begin || next.start > until) {
        const start = Math.round(Math.max(0, Math.min(total - (view[1] - view[0]), next.start - from)));
        setQuery({ time: partText([start, start + view[1] - view[0]], total) });
      }
    } else if (event.key === 'Enter' && pointed !== null) select(pointed);
    else if (event.key === 'Escape' && pointed !== null) setPointed(null);
    else if (!zoom.onKeyDown(event, around)) return;
    event.preventDefault();
  };

  const shares = { bars, from: begin, to: until };
  return (
    <>
      <h2>
        Timeline <span class="faint">{plural(units.length, 'unit')} by worker</span>
        <span class="push" />
        <ZoomButtons zoom={zoom} />
      </h2>
      <TimelineLoad {...shares} />
      <div class="lanes">
        {placed.labels.map(({ name, top }) => (
          <span key={name} class="lane-label" style={{ top: `${top}px` }}>
            {shown(name)}
          </span>
        ))}
        <Picture
          height={placed.height}
          tabIndex={0}
          class={isWhole ? undefined : 'zoomed'}
          label={`${plural(units.length, 'unit')} on ${plural(workers, 'worker')}, over ${durationText(total)}. Arrow keys move from unit to unit, Enter shows the partitions of one, + and - zoom.`}
          draw={draw}
          onWheel={zoom.onWheel}
          onPointerDown={zoom.onPointerDown}
          onPointerMove={(event) => {
            setPointed(underneath(event));
            zoom.onPointerMove(event);
          }}
          onPointerUp={(event) => {
            if (!zoom.onPointerUp(event)) return;
            const bar = underneath(event);
            if (bar !== null) select(bar);
          }}
          onPointerCancel={zoom.onPointerCancel}
          onPointerLeave={() => setPointed(null)}
          onKeyDown={onKeyDown}
        />
      </div>
      <p class="axis">
        <span>{time(new Date(begin).toISOString())}</span>
        <span>{durationText(until - begin)}</span>
        <span>{time(new Date(until).toISOString())}</span>
      </p>
      <p class="hover" aria-live="polite">
        {pointed === null ? <span class="faint">{marks(bars, waiting)}</span> : sentence(pointed)}
      </p>
      {gaps.length > 0 && <p>{gapSentence(gaps)}</p>}
    </>
  );
}

function layoutOf(units: UnitsAnswer, endedAt: string | null) {
  const end = endedAt === null ? clock.peek() : Date.parse(endedAt);
  const { bars, workers, from, to } = packLanes(units, end);
  const last = endedAt === null ? Math.max(to, end) : to;
  const total = Math.max(1, last - from);
  return {
    bars,
    workers: workers.length,
    placed: placeLanes(workers),
    from,
    total,
    gaps: gapsOf(bars, from, last, Math.max(GAP_MS, GAP_SHARE * total)),
  };
}

/** What the marks mean that there are. */
function marks(bars: readonly Bar[], waiting: number): string {
  const kinds = [
    'a thin line before a unit: it waited',
    ...(bars.some(({ unit }) => unit.attempts > 1) ? ['or an earlier attempt'] : []),
    ...(bars.some(({ unit }) => unit.round > 0) ? ['a line on top: a later round of calls'] : []),
    ...(bars.some(({ unit }) => unit.big) ? ['framed: tried again after running out of memory'] : []),
    ...(waiting > 0 ? [`${plural(waiting, 'unit')} waiting`] : []),
  ];
  return kinds.join(', ');
}

function gapSentence(gaps: readonly Gap[]): string {
  const lengthOf = ({ from, to }: Gap): number => to - from;
  const longest = gaps.reduce((a, b) => (lengthOf(b) > lengthOf(a) ? b : a));
  const sum = gaps.reduce((total, gap) => total + lengthOf(gap), 0);
  const from = time(new Date(longest.from).toISOString());
  return gaps.length === 1
    ? `Nothing ran for ${durationText(sum)} from ${from} (hatched).`
    : `Nothing ran for ${durationText(sum)} in ${gaps.length} gaps (hatched), the longest ${durationText(lengthOf(longest))} from ${from}.`;
}

function sentence({ unit, waitedFrom, start, end }: Bar): string {
  const what = unit.label === null ? `unit ${unit.activityId}` : unitName(unit.label);
  const parts = [
    plural(unit.partitions, 'partition'),
    `${unit.status === 'running' ? 'running for ' : ''}${durationText(end - start)}`,
    ...(unit.attempts > 1
      ? [`attempt ${unit.attempts}`]
      : start > waitedFrom
        ? [`after waiting ${durationText(start - waitedFrom)}`]
        : []),
    ...(unit.round > 0 ? [`round ${unit.round + 1}`] : []),
    ...(unit.big ? ['after running out of memory'] : []),
    `on ${shown(unit.worker ?? 'an unknown worker')}`,
  ];
  const error = unit.error === null ? '' : ` ${shown(unit.error.message).split('\n')[0]}.`;
  return `${what}: ${parts.join(', ')}.${error} A click shows its partitions.`;
}
