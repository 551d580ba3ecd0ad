/** All partitions in one line, in key order. Dragging over it filters everything below. */
import type { ReadonlySignal } from '@preact/signals';
import type { UnitsAnswer } from '../../wire/types';
import { setQuery } from '../address';
import { filter } from '../filter';
import { useCount } from '../parts/use-count';
import { Brush } from '../pictures/brush';
import { drawColumns, statusCounts, unitCounts } from '../pictures/draw-strip';
import { paintPixels } from '../pictures/pixels';
import type { RunStore } from '../run-store';
import { css, palette } from '../theme';
import { number } from '../words';

const HEIGHT = 24;

interface StripProps {
  store: RunStore;
  total: number;
  units: ReadonlySignal<UnitsAnswer | null>;
}

export function StripPanel({ store, total, units: answer }: StripProps) {
  const { value: version } = store.drawn;
  const counted = useCount(store, statusCounts);
  const hasCells = store.total > 0;
  const units = hasCells ? null : answer.value;

  return (
    <div class="strip">
      <Brush
        height={HEIGHT}
        label={`All ${number(total)} partitions in key order. Drag to select a range.`}
        steps={total}
        of={[counted, version, total, units]}
        value={filter.value.ordinals ?? null}
        edges={['First partition', 'Last partition']}
        textAt={(step, edge) => `partition ${number(edge === 'first' ? step : step - 1)} of ${number(total)}`}
        onSelect={(range) => setQuery({ ordinals: range === null ? null : `${range[0]}-${range[1]}` })}
        draw={(context, { width, height }, range) => {
          const counts = hasCells ? counted.of : units !== null ? unitCounts(units, total) : null;
          const { statuses, names } = palette.value;
          if (counts !== null)
            paintPixels(context, names['surface']!, (pixels) =>
              drawColumns(pixels, [width, height], statuses, counts),
            );
          if (range === null) return;
          const [from, to] = range;
          context.strokeStyle = css(names['ink']!);
          context.lineWidth = 2;
          const wide = Math.max(2, ((to - from) / total) * width);
          context.strokeRect((from / total) * width, 1, wide, height - 2);
        }}
      />
    </div>
  );
}
