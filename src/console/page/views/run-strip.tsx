/** All partitions in one line, in key order. Dragging over it filters everything below. */
import { useRef, useState } from 'preact/hooks';
import { STATUS_BITS } from '../../wire/cells';
import { PARTITION_STATUSES, isFailure } from '../../../core/status';
import { setQuery } from '../address';
import { filter } from '../filter';
import { Picture } from '../pictures/picture';
import type { RunStore } from '../run-store';
import { css, palette } from '../theme';
import { number } from '../words';

const HEIGHT = 24;

export function StripPanel({ store }: { store: RunStore }) {
  void store.drawn.value;
  const { total } = store;
  const start = useRef<number | null>(null);
  const [dragged, setDragged] = useState<readonly [number, number] | null>(null);
  const ordinals = dragged ?? filter.value.ordinals ?? null;

  const ordinalOf = (event: PointerEvent): number => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return Math.max(0, Math.min(total, Math.round(((event.clientX - box.left) / box.width) * total)));
  };
  const draw = (context: CanvasRenderingContext2D, width: number, height: number): void => {
    drawStrip(context, width, height, store);
    if (ordinals === null) return;
    const [from, to] = ordinals;
    context.strokeStyle = css(palette.value.names['ink']!);
    context.lineWidth = 2;
    context.strokeRect((from / total) * width, 1, Math.max(2, ((to - from) / total) * width), height - 2);
  };

  return (
    <div class="strip">
      <Picture
        height={HEIGHT}
        label={`All ${number(total)} partitions in key order. Drag to select a range.`}
        draw={draw}
        onPointerDown={(event) => {
          (event.currentTarget as Element).setPointerCapture(event.pointerId);
          start.current = ordinalOf(event);
        }}
        onPointerMove={(event) => {
          if (start.current === null) return;
          const at = ordinalOf(event);
          setDragged([Math.min(start.current, at), Math.max(start.current, at)]);
        }}
        onPointerUp={() => {
          start.current = null;
          setDragged(null);
          if (dragged === null || dragged[0] === dragged[1]) setQuery({ ordinals: null });
          else setQuery({ ordinals: `${dragged[0]}-${dragged[1]}` });
        }}
      />
    </div>
  );
}

/** From bottom to top: what is drawn first is what most partitions should be. */
const STACK = ['PENDING', 'SKIPPED', 'DONE', 'RUNNING', 'CANCELLED', 'INTERNAL_ERROR', 'FAILED'] as const;

/**
 * A column of pixels shows the shares of its partitions. A failure has at least two pixels, so that one in a
 * million is seen, and no more than its share otherwise, so that it is not a red bar.
 */
function drawStrip(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  { cells, total }: RunStore,
): void {
  const colours = palette.value.statuses.map(css);
  const numbers = STACK.map((status) => PARTITION_STATUSES.indexOf(status));
  const counts = new Int32Array(PARTITION_STATUSES.length);
  for (let x = 0; x < width; x++) {
    const from = Math.floor((x / width) * total);
    const to = Math.max(from + 1, Math.floor(((x + 1) / width) * total));
    counts.fill(0);
    for (let ordinal = from; ordinal < to; ordinal++) counts[cells.status[ordinal]! & STATUS_BITS]!++;
    let y = height;
    numbers.forEach((status, i) => {
      const count = counts[status]!;
      if (count === 0) return;
      const share = (count / (to - from)) * height;
      const tall = isFailure(STACK[i]!) ? Math.max(2, share) : share;
      y -= tall;
      context.fillStyle = colours[status]!;
      context.fillRect(x, Math.max(0, y), 1, tall + 1);
    });
  }
}
