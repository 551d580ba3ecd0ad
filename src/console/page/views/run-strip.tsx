/** All partitions in one line, in key order. Dragging over it filters everything below. */
import { STATUS_BITS } from '../../wire/cells';
import { PARTITION_STATUSES, isFailure, type StatusCounts } from '../../../core/status';
import type { RunNow, UnitsAnswer } from '../../wire/types';
import { setQuery } from '../address';
import { filter } from '../filter';
import { Brush } from '../pictures/brush';
import type { RunStore } from '../run-store';
import { css, palette } from '../theme';
import { number } from '../words';

const HEIGHT = 24;

interface StripProps {
  store: RunStore;
  now: RunNow;
  units: UnitsAnswer | null;
}

export function StripPanel({ store, now, units }: StripProps) {
  void store.drawn.value;
  const { total } = now;
  const hasCells = store.total > 0;

  return (
    <div class="strip">
      <Brush
        height={HEIGHT}
        label={`All ${number(total)} partitions in key order. Drag to select a range.`}
        steps={total}
        of={[store, store.drawn.value, total, hasCells ? null : units]}
        value={filter.value.ordinals ?? null}
        edges={['First partition', 'Last partition']}
        textAt={(step, edge) => `partition ${number(edge === 'first' ? step : step - 1)} of ${number(total)}`}
        onSelect={(range) => setQuery({ ordinals: range === null ? null : `${range[0]}-${range[1]}` })}
        draw={(context, { width, height }, range) => {
          if (hasCells) drawColumns(context, width, height, cellCounts(store));
          else if (units !== null) drawColumns(context, width, height, unitCounts(units, total));
          if (range === null) return;
          const [from, to] = range;
          context.strokeStyle = css(palette.value.names['ink']!);
          context.lineWidth = 2;
          const wide = Math.max(2, ((to - from) / total) * width);
          context.strokeRect((from / total) * width, 1, wide, height - 2);
        }}
      />
    </div>
  );
}

/** From bottom to top: what is drawn first is what most partitions should be. */
const STACK = ['PENDING', 'SKIPPED', 'DONE', 'RUNNING', 'CANCELLED', 'INTERNAL_ERROR', 'FAILED'] as const;

/** Counts by status of the partitions of a column of pixels; `share` runs from 0 to 1. */
type ColumnCounts = (from: number, to: number) => ArrayLike<number>;

function cellCounts({ cells, total }: RunStore): ColumnCounts {
  const counts = new Int32Array(PARTITION_STATUSES.length);
  return (from, to) => {
    const first = Math.floor(from * total);
    counts.fill(0);
    for (let ordinal = first; ordinal < Math.max(first + 1, Math.floor(to * total)); ordinal++)
      counts[cells.status[ordinal]! & STATUS_BITS]!++;
    return counts;
  };
}

/** While the partitions are being read: each unit's counts, spread over its range. */
function unitCounts(units: UnitsAnswer, total: number): ColumnCounts {
  return (from, to) => {
    const [first, last] = [from * total, to * total];
    const counts = new Float64Array(PARTITION_STATUSES.length);
    let ended = 0;
    for (const unit of units) {
      const share = (Math.min(unit.to, last) - Math.max(unit.from, first)) / (unit.to - unit.from);
      if (share <= 0) continue;
      PARTITION_STATUSES.forEach((status, i) => (counts[i]! += unit.counts[status] * share));
      ended += sumOf(unit.counts) * share;
    }
    counts[PARTITION_STATUSES.indexOf('PENDING')]! += Math.max(0, last - first - ended);
    return counts;
  };
}

function sumOf(counts: StatusCounts): number {
  return PARTITION_STATUSES.reduce((sum, status) => sum + counts[status], 0);
}

/**
 * A column of pixels shows the shares of its partitions. A failure has at least two pixels, so that one in a
 * million is seen, and no more than its share otherwise, so that it is not a red bar.
 */
function drawColumns(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  countsOf: ColumnCounts,
): void {
  const colours = palette.value.statuses.map(css);
  const numbers = STACK.map((status) => PARTITION_STATUSES.indexOf(status));
  for (let x = 0; x < width; x++) {
    const counts = countsOf(x / width, (x + 1) / width);
    const all = Array.from(counts).reduce((sum, count) => sum + count, 0);
    let y = height;
    numbers.forEach((status, i) => {
      const count = counts[status]!;
      if (count === 0) return;
      const share = (count / all) * height;
      const tall = isFailure(STACK[i]!) ? Math.max(2, share) : share;
      y -= tall;
      context.fillStyle = colours[status]!;
      context.fillRect(x, Math.max(0, y), 1, tall + 1);
    });
  }
}
