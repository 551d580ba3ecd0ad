/** All partitions in key order, row by row, in which one can go from a million to one. */
import { useRef } from 'preact/hooks';
import { query, setQuery } from '../address';
import { filter } from '../filter';
import { COLOURING_NAMES, scaleOf } from '../pictures/colours';
import { drawGrid, drawingOf } from '../pictures/draw-grid';
import { gridLayout, gridOf, type Grid } from '../pictures/grid';
import { partOf, partText } from '../pictures/part';
import { Picture } from '../pictures/picture';
import { drawCursor, useCellCursor, type Drawn } from '../pictures/use-cell-cursor';
import { usePixels } from '../pictures/use-pixels';
import { useZoom, ZOOM_STEP } from '../pictures/use-zoom';
import { ZoomButtons } from '../pictures/zoom-buttons';
import { palette } from '../theme';
import { number } from '../words';
import { Pointed } from './map-cell';
import type { MapParts } from './map-parts';

const HEIGHT = 300;
/** Partitions of the smallest part. */
const LEAST = 16;

export function MapGrid({ store, colouring, controls, open }: MapParts) {
  const { total } = store;
  const drawn: Drawn = useRef(null);
  const grid = useRef<Grid | null>(null);
  const drawCells = usePixels(store);
  const positionAt = ({ offsetX, offsetY }: { offsetX: number; offsetY: number }): number | null => {
    if (drawn.current === null) return null;
    const { layout, scale } = drawn.current;
    return layout.ordinalAt(offsetX * scale, offsetY * scale);
  };
  const zoom = useZoom({
    view: partOf(query.value.get('view'), total),
    total,
    least: LEAST,
    positionAt,
    // In the direction of the larger move: a slanted drag does not shift the rows.
    moveOf(right, down) {
      const { size, columns, perCell } = grid.current!;
      const cells = (pixels: number): number => Math.round((-pixels * drawn.current!.scale) / size) * perCell;
      return Math.abs(down) >= Math.abs(right) ? cells(down) * columns : cells(right);
    },
    show: (part) => setQuery({ view: partText(part, total) }),
  });
  const { view, isWhole } = zoom;
  const cursor = useCellCursor(drawn, {
    total,
    open,
    onMove(ordinal) {
      if (ordinal >= view[0] && ordinal < view[1]) return;
      const length = view[1] - view[0];
      const from = Math.max(0, Math.min(total - length, ordinal - Math.floor(length / 2)));
      setQuery({ view: partText([from, from + length], total) });
    },
  });

  const draw = (context: CanvasRenderingContext2D, width: number, height: number, scale: number): void => {
    grid.current = gridOf(view[0], view[1], width, height);
    drawn.current = { layout: gridLayout(grid.current, total), scale };
    const { value: colours } = palette;
    const { value: condition } = filter;
    const layout = grid.current;
    const madeOf = [...view, colouring, condition, colours, ...scaleOf(colouring, store.values)];
    drawCells(context, madeOf, colours.names['surface']!, (pixels, ranges) =>
      drawGrid(pixels, layout, drawingOf(store, colouring, condition, colours), ranges),
    );
    drawCursor(context, drawn.current, cursor, colours, view, width);
    cursor.settle();
  };

  return (
    <>
      <h2>
        Map{' '}
        <span class="faint">
          {isWhole ? number(total) : `${number(view[0])} to ${number(view[1] - 1)} of ${number(total)}`}
        </span>
        {controls}
        <ZoomButtons zoom={zoom} />
      </h2>
      <Picture
        height={HEIGHT}
        tabIndex={0}
        class={isWhole ? undefined : 'zoomed'}
        label={`A map of ${number(total)} partitions in key order, by ${COLOURING_NAMES[colouring]}. Arrow keys move, with Shift they select, Enter opens, + and - zoom. The table below has the same partitions.`}
        draw={draw}
        onWheel={zoom.onWheel}
        onPointerDown={(event) => {
          if (!cursor.onPointerDown(event)) zoom.onPointerDown(event);
        }}
        onPointerMove={(event) => {
          if (!cursor.onPointerMove(event)) zoom.onPointerMove(event);
        }}
        onPointerUp={(event) => {
          if (cursor.onPointerUp() || !zoom.onPointerUp(event)) return;
          const ordinal = cursor.under(event);
          if (ordinal === null) return;
          if (grid.current!.perCell === 1) open(ordinal);
          else zoom.zoom(ordinal, 1 / ZOOM_STEP ** 3);
        }}
        onPointerCancel={() => {
          cursor.leave();
          zoom.onPointerCancel();
        }}
        onPointerLeave={cursor.leave}
        onKeyDown={(event) => {
          const middle = Math.floor((view[0] + view[1]) / 2);
          if (zoom.onKeyDown(event, cursor.at ?? middle) || cursor.onKeyDown(event, view[0]))
            event.preventDefault();
        }}
      />
      <Pointed store={store} cursor={cursor} perCell={grid.current?.perCell ?? 1} />
    </>
  );
}
