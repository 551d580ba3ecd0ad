/** Partitions with a key of two columns: a row per value of the first, a column per value of the second. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Matrix, MatrixAxis } from '../../wire/types';
import { filter } from '../filter';
import { COLOURING_NAMES, scaleOf } from '../pictures/colours';
import { drawingOf, drawMatrix } from '../pictures/draw-grid';
import { cellSize, labelStep, matrixLayout, ordinalsOf } from '../pictures/matrix';
import { Picture } from '../pictures/picture';
import { drawCursor, useCellCursor, type Drawn } from '../pictures/use-cell-cursor';
import { usePixels } from '../pictures/use-pixels';
import { palette } from '../theme';
import { number, plural, shown } from '../words';
import { Pointed } from './map-cell';
import type { MapParts } from './map-parts';

/** CSS pixels: of the cells together, if they fit; of a line of labels. */
const HEIGHT = 340;
const LABEL = 14;
/** About the width of a letter, and the height at which names of columns are cut off. */
const LETTER = 7;
const HIGHEST = 96;

export function MapMatrix({ store, colouring, controls, open, matrix }: MapParts & { matrix: Matrix }) {
  const { total } = store;
  const { rows, columns } = matrix;
  const box = useRef<HTMLDivElement>(null);
  const names = useRef<HTMLDivElement>(null);
  const [space, setSpace] = useState(0);
  const drawn: Drawn = useRef(null);
  const ordinals = useMemo(() => ordinalsOf(matrix), [matrix]);
  const drawCells = usePixels(store);
  const cursor = useCellCursor(drawn, {
    total,
    open,
    onMove(ordinal) {
      const { layout, scale } = drawn.current!;
      const { x, y, width: wide, height: tall } = layout.boxOf(ordinal);
      const { offsetWidth: left, offsetTop: top } = names.current!;
      const { scrollLeft, scrollTop, clientWidth, clientHeight } = box.current!;
      box.current!.scrollTo({
        left: nearest(scrollLeft, clientWidth - left, x / scale, wide / scale),
        top: nearest(scrollTop, clientHeight - top, y / scale, tall / scale),
      });
    },
  });
  useLayoutEffect(() => {
    const measure = (): void => setSpace(box.current!.clientWidth - names.current!.offsetWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const [cellWidth, cellHeight] = cellSize(matrix, space, HEIGHT);
  const width = cellWidth * columns.values.length;
  const height = cellHeight * rows.values.length;

  const draw = (context: CanvasRenderingContext2D, wide: number, tall: number, scale: number): void => {
    // Whole pixels, also on a screen with a fractional ratio.
    const layout = matrixLayout(
      matrix,
      ordinals,
      Math.floor(wide / columns.values.length),
      Math.floor(tall / rows.values.length),
    );
    drawn.current = { layout, scale };
    const { value: colours } = palette;
    const { value: condition } = filter;
    const madeOf = [matrix, colouring, condition, colours, ...scaleOf(colouring, store.values)];
    drawCells(context, madeOf, colours.names['surface']!, (pixels, ranges) =>
      drawMatrix(pixels, wide, layout, drawingOf(store, colouring, condition, colours), ranges),
    );
    drawCursor(context, drawn.current, cursor, colours, [0, total], layout.cellWidth * columns.values.length);
  };

  const pairs = rows.values.length * columns.values.length;
  return (
    <>
      <h2>
        Map{' '}
        <span class="faint">
          {number(rows.values.length)} × {number(columns.values.length)}
          {pairs > total ? `, ${plural(pairs - total, 'pair')} without a partition` : ''}
        </span>
        {controls}
      </h2>
      <div class="matrix-box" ref={box}>
        <div class="matrix-corner">
          {shown(rows.name)} ↓ {shown(columns.name)} →
        </div>
        <Labels class="matrix-columns" axis={columns} cell={cellWidth} side="left" />
        <div class="matrix-names" ref={names}>
          <Labels class="matrix-rows" axis={rows} cell={cellHeight} side="top" />
        </div>
        <div style={{ width: `${width}px` }}>
          <Picture
            height={height}
            tabIndex={0}
            label={`A matrix of ${number(total)} partitions, by ${COLOURING_NAMES[colouring]}: ${number(rows.values.length)} rows by ${shown(rows.name)}, ${number(columns.values.length)} columns by ${shown(columns.name)}. Arrow keys move, with Shift they select, Enter opens. The table below has the same partitions.`}
            draw={draw}
            onPointerDown={cursor.onPointerDown}
            onPointerMove={cursor.onPointerMove}
            onPointerUp={(event) => {
              const ordinal = cursor.under(event);
              if (!cursor.onPointerUp() && event.button === 0 && ordinal !== null) open(ordinal);
            }}
            onPointerCancel={cursor.leave}
            onPointerLeave={cursor.leave}
            onKeyDown={(event) => {
              if (cursor.onKeyDown(event, 0)) event.preventDefault();
            }}
          />
        </div>
      </div>
      <Pointed store={store} cursor={cursor} perCell={1} />
    </>
  );
}

/** Where to scroll to, so that a cell of this size is among the `space` pixels that are seen. */
function nearest(scrolled: number, space: number, cell: number, size: number): number {
  return Math.min(cell, Math.max(scrolled, cell + size - space));
}

interface LabelsProps {
  class: string;
  axis: MatrixAxis;
  /** CSS pixels of a cell along the axis. */
  cell: number;
  side: 'left' | 'top';
}

/** As many values as there is room for; the picture's sentence and the table have all of them. */
function Labels({ class: name, axis: { values }, cell, side }: LabelsProps) {
  const step = labelStep(cell, LABEL);
  const length = values.length * cell;
  const longest = values.reduce((most, value) => Math.max(most, nameOfValue(value).length), 0);
  return (
    <div
      class={name}
      aria-hidden="true"
      style={
        side === 'top'
          ? { height: `${length}px` }
          : { width: `${length}px`, height: `${Math.min(HIGHEST, LABEL + longest * LETTER)}px` }
      }
    >
      {values.map((value, i) =>
        i % step === 0 ? (
          <bdi key={i} title={nameOfValue(value)} style={{ [side]: `${i * cell}px` }}>
            {nameOfValue(value)}
          </bdi>
        ) : null,
      )}
    </div>
  );
}

function nameOfValue(value: string | null): string {
  if (value === null) return 'NULL';
  return value === '' ? '(empty)' : shown(value);
}
