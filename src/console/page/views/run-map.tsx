/** One picture of all partitions, in which one can go from a million to one. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { durationText } from '../../../display/measures';
import { countOf, durationOf, STATUS_BITS } from '../../wire/cells';
import type { TableAnswer } from '../../wire/types';
import { currentQuery, go, query, runAddress, setQuery } from '../address';
import { filter, highlighter } from '../filter';
import { COLOURING_NAMES, COLOURINGS, coloursOf } from '../pictures/colours';
import { nameOf } from '../parts/partition-name';
import { drawGrid } from '../pictures/draw-grid';
import { gridOf, ordinalAt, pointOf, zoomed, type Grid } from '../pictures/grid';
import { Picture } from '../pictures/picture';
import type { RunStore } from '../run-store';
import { ask, file, hasPartitionPage } from '../session';
import { css, palette } from '../theme';
import { number, statusOf } from '../words';

const HEIGHT = 300;
const ZOOM_STEP = 1.4;

export function MapPanel({ store }: { store: RunStore }) {
  void store.drawn.value;
  const { total } = store;
  const grid = useRef<Grid | null>(null);
  const scale = useRef(1);
  const [at, setAt] = useState<number | null>(null);
  const kept = useRef<{ drawn: unknown[]; image: ImageData } | null>(null);
  const drag = useRef<{ y: number; view: readonly [number, number]; moved: boolean } | null>(null);
  const view = viewOf(query.value.get('view'), total);
  const colouring = COLOURINGS.find((each) => each === query.value.get('map')) ?? 'status';
  const coloursByValue = useMemo(
    () => coloursOf(colouring, store.cells, palette.value),
    [store, store.drawn.value, colouring, palette.value],
  );
  const show = (next: readonly [number, number]): void =>
    setQuery({ view: next[0] === 0 && next[1] === total ? null : `${next[0]}-${next[1]}` });

  const draw = (context: CanvasRenderingContext2D, width: number, height: number, ratio: number): void => {
    const layout = gridOf(view[0], view[1], width, height);
    grid.current = layout;
    scale.current = ratio;
    const { value: colours } = palette;
    const isLit = filter.value;
    const drawn = [width, height, ...view, colouring, store.drawn.value, isLit, colours];
    // Pointing at another cell only moves the frame.
    if (kept.current === null || drawn.some((value, i) => value !== kept.current!.drawn[i])) {
      const before = kept.current?.image;
      const isSameSize = before?.width === width && before.height === height;
      const image = isSameSize ? before : context.createImageData(width, height);
      const pixels = new Uint32Array(image.data.buffer);
      pixels.fill(colours.names['surface']!);
      drawGrid(pixels, layout, {
        cells: store.cells,
        colouring,
        colours: coloursByValue,
        surface: colours.names['surface']!,
        isLit: highlighter(isLit, store.cells),
      });
      kept.current = { drawn, image };
    }
    context.putImageData(kept.current.image, 0, 0);
    if (at === null || at < view[0] || at >= view[1]) return;
    const { x, y } = pointOf(layout, at);
    context.strokeStyle = css(colours.names['ink']!);
    context.lineWidth = Math.max(1, ratio);
    context.strokeRect(x - 0.5, y - 0.5, layout.size, layout.size);
  };
  const under = (event: { offsetX: number; offsetY: number }): number | null =>
    grid.current === null
      ? null
      : ordinalAt(grid.current, event.offsetX * scale.current, event.offsetY * scale.current);
  const zoom = (around: number, factor: number): void => show(zoomed(view, around, factor, total));
  const open = async (ordinal: number): Promise<void> => {
    const id = await idOf(store, ordinal);
    if (id === null || !hasPartitionPage(id)) setQuery({ ordinals: `${ordinal}-${ordinal + 1}` });
    else go(`${runAddress(store.runId, id)}${currentQuery()}`);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const columns = (grid.current?.columns ?? 1) * (grid.current?.perCell ?? 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -(grid.current?.perCell ?? 1),
      ArrowRight: grid.current?.perCell ?? 1,
      ArrowUp: -columns,
      ArrowDown: columns,
    };
    const step = steps[event.key];
    const middle = at ?? Math.floor((view[0] + view[1]) / 2);
    if (step !== undefined) setAt(Math.max(0, Math.min(total - 1, (at ?? view[0] - step) + step)));
    else if (event.key === '+') zoom(middle, 1 / ZOOM_STEP);
    else if (event.key === '-') zoom(middle, ZOOM_STEP);
    else if (event.key === '0') show([0, total]);
    else if (event.key === 'Enter' && at !== null) void open(at);
    else return;
    event.preventDefault();
  };

  return (
    <section class="panel map" aria-label="All partitions">
      <h2>
        Map{' '}
        <span class="faint">
          {view[0] === 0 && view[1] === total
            ? number(total)
            : `${number(view[0])} to ${number(view[1] - 1)} of ${number(total)}`}
        </span>
        <label class="push">
          colour{' '}
          <select
            value={colouring}
            onChange={(event) =>
              setQuery({ map: event.currentTarget.value === 'status' ? null : event.currentTarget.value })
            }
          >
            {COLOURINGS.map((each) => (
              <option key={each} value={each}>
                {COLOURING_NAMES[each]}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="quiet"
          title="Zoom in (+)"
          onClick={() => zoom(middleOf(view), 1 / ZOOM_STEP)}
        >
          +
        </button>
        <button
          type="button"
          class="quiet"
          title="Zoom out (-)"
          onClick={() => zoom(middleOf(view), ZOOM_STEP)}
        >
          −
        </button>
        <button type="button" class="quiet" title="Show all (0)" onClick={() => show([0, total])}>
          all
        </button>
      </h2>
      <Picture
        height={HEIGHT}
        tabIndex={0}
        label={`A map of ${number(total)} partitions in key order, by ${COLOURING_NAMES[colouring]}. Arrow keys move, Enter opens, + and - zoom. The table below has the same partitions.`}
        draw={draw}
        of={[store, store.drawn.value, view[0], view[1], colouring, filter.value, at]}
        onWheel={(event) => {
          const ordinal = under(event);
          if (ordinal === null) return;
          event.preventDefault();
          zoom(ordinal, event.deltaY < 0 ? 1 / ZOOM_STEP : ZOOM_STEP);
        }}
        onPointerDown={(event) => {
          if (event.button === 0) drag.current = { y: event.clientY, view, moved: false };
        }}
        onPointerMove={(event) => {
          setAt(under(event));
          if (drag.current === null || grid.current === null) return;
          const rows = Math.round(((drag.current.y - event.clientY) * scale.current) / grid.current.size);
          if (rows === 0) return;
          drag.current.moved = true;
          const length = drag.current.view[1] - drag.current.view[0];
          const step = rows * grid.current.columns * grid.current.perCell;
          const from = Math.max(0, Math.min(total - length, drag.current.view[0] + step));
          show([from, from + length]);
        }}
        onPointerUp={(event) => {
          if (drag.current === null) return;
          const { moved } = drag.current;
          drag.current = null;
          const ordinal = under(event);
          if (moved || ordinal === null) return;
          if (grid.current!.perCell === 1) void open(ordinal);
          else zoom(ordinal, 1 / (ZOOM_STEP * ZOOM_STEP * ZOOM_STEP));
        }}
        onPointerLeave={() => {
          drag.current = null;
          setAt(null);
        }}
        onKeyDown={onKeyDown}
      />
      <p class="hover" aria-live="polite">
        {at === null ? (
          <span class="faint">
            Point at a cell; wheel or + zooms, a click {file === null ? 'opens' : 'selects'}.
          </span>
        ) : (
          <Cell store={store} ordinal={at} perCell={grid.current?.perCell ?? 1} />
        )}
      </p>
    </section>
  );
}

function Cell({ store, ordinal, perCell }: { store: RunStore; ordinal: number; perCell: number }) {
  const { cells, total } = store;
  const id = useId(store, perCell === 1 ? ordinal : null);
  if (perCell > 1)
    return (
      <>
        {number(ordinal)} to {number(Math.min(ordinal + perCell, total) - 1)}: {number(perCell)} partitions;
        zoom in to see each
      </>
    );
  const took = durationOf(cells.duration[ordinal]!);
  return (
    <>
      <b>{nameOf({ ordinal, id })}</b> {statusOf(cells.status[ordinal]! & STATUS_BITS)}
      {Number.isNaN(took) ? '' : `, about ${durationText(took)}`}, about{' '}
      {number(Math.round(countOf(cells.rows[ordinal]!)))} rows
      {cells.attempts[ordinal]! > 1 ? `, ${cells.attempts[ordinal]} calls` : ''}
    </>
  );
}

/** The partition's id; null until it is known. */
function useId(store: RunStore, ordinal: number | null): string | null {
  const [known, setKnown] = useState<{ ordinal: number; id: string | null } | null>(null);
  const wanted = useRef<number | null>(null);
  if (ordinal !== null && ordinal !== wanted.current) {
    wanted.current = ordinal;
    // Only the place where the pointer rests is asked for.
    setTimeout(() => {
      if (wanted.current !== ordinal) return;
      void idOf(store, ordinal).then((id) => setKnown({ ordinal, id }));
    }, 60);
  }
  return known?.ordinal === ordinal ? known!.id : null;
}

/** Null where a file leaves it out. */
async function idOf(store: RunStore, ordinal: number): Promise<string | null> {
  const body = {
    filter: { ordinals: [ordinal, ordinal + 1] },
    sort: { column: 'key', descending: false },
    offset: 0,
    limit: 1,
  };
  return (await ask<TableAnswer>(store.path('/table'), { body })).rows[0]!.id;
}

function viewOf(text: string | null, total: number): readonly [number, number] {
  const match = /^(\d{1,9})-(\d{1,9})$/.exec(text ?? '');
  const [from, to] = match === null ? [0, total] : [Number(match[1]), Math.min(Number(match[2]), total)];
  return from < to ? [from, to] : [0, total];
}

function middleOf([from, to]: readonly [number, number]): number {
  return Math.floor((from + to) / 2);
}
