/** Rows against time: whether what is slow is large. */
import { durationText } from '../../../display/measures';
import { countOf, durationOf } from '../../wire/cells';
import type { Figures, Outlier, PartitionFilter } from '../../wire/types';
import { setQuery } from '../address';
import { bounds, mix } from '../pictures/colours';
import { nameOf } from '../parts/partition-name';
import { PartitionLink } from '../parts/partition-link';
import { useCount } from '../parts/use-count';
import { Picture } from '../pictures/picture';
import type { Cells, Count } from '../run-cells';
import type { RunStore } from '../run-store';
import { css, palette } from '../theme';
import { number, plural } from '../words';
import { filter, highlighter, rangeText } from '../filter';

const HEIGHT = 180;
/** Of the slowest partitions; a link leads to all of them. */
const LISTED = 5;
/** Of a byte. */
const VALUES = 256;

export function ScatterPanel({ store, figures }: { store: RunStore; figures: Figures | null }) {
  const { value: version } = store.drawn;
  const { counts } = useCount(store, (cells) => densityOf(cells, filter.value), [filter.value]);
  const [shortest, longest] = bounds(store.values.duration);
  const [fewest, mostRows] = bounds(store.values.rows);
  const columns = mostRows - fewest + 1;
  const lines = longest - shortest + 1;
  const countAt = (line: number, column: number): number => {
    const at = (shortest + line) * VALUES;
    // Without rows is as few as there are.
    return counts[at + fewest + column]! + (column === 0 && fewest > 0 ? counts[at]! : 0);
  };

  const draw = (context: CanvasRenderingContext2D, width: number, height: number, scale: number): void => {
    if (longest === 0) return;
    const { names } = palette.value;
    let most = 0;
    for (let line = 0; line < lines; line++)
      for (let column = 0; column < columns; column++) most = Math.max(most, countAt(line, column));
    const top = Math.log1p(most);
    const wide = width / columns;
    const tall = height / lines;
    for (let line = 0; line < lines; line++)
      for (let column = 0; column < columns; column++) {
        const count = countAt(line, column);
        if (count === 0) continue;
        context.fillStyle = css(mix(names['scale-low']!, names['scale-high']!, Math.log1p(count) / top));
        const [least, most] = [3 * scale, 10 * scale];
        const [w, h] = [wide, tall].map((size) => Math.min(Math.max(least, size), most)) as [number, number];
        context.fillRect(column * wide + (wide - w) / 2, height - (line + 1) * tall + (tall - h) / 2, w, h);
      }
    if (figures?.medianMsPerRow == null) return;
    context.strokeStyle = css(names['faint']!);
    context.setLineDash([4 * scale, 4 * scale]);
    context.beginPath();
    for (let column = 0; column <= columns; column++) {
      const ms = countOf(fewest + column) * figures.medianMsPerRow;
      const line = 1 + 7.5 * Math.log2(Math.max(ms, 0.05) / 0.05) - shortest;
      const [x, y] = [(column + 0.5) * wide, height - (line + 0.5) * tall];
      if (column === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
    context.stroke();
    context.setLineDash([]);
  };

  return (
    <section class="panel" aria-label="Rows and time">
      <h2>
        Rows × time <span class="faint">dashed: the median time per row</span>
      </h2>
      {longest === 0 ? (
        <p class="empty">No partition has ended yet.</p>
      ) : (
        <>
          <Picture
            height={HEIGHT}
            label="Time taken against source rows, darker where there are more partitions."
            draw={draw}
            of={[counts, version, figures?.medianMsPerRow]}
          />
          <p class="axis">
            <span>about {plural(Math.round(countOf(fewest)), 'row')}</span>
            <span>
              about {durationText(durationOf(shortest))} to {durationText(durationOf(longest))}, upwards
            </span>
            <span>{mostRows === fewest ? '' : number(Math.round(countOf(mostRows)))}</span>
          </p>
        </>
      )}
      {figures !== null && figures.outliers.length > 0 && (
        <Slowest runId={store.runId} outliers={figures.outliers} />
      )}
    </section>
  );
}

function Slowest({ runId, outliers }: { runId: string; outliers: readonly Outlier[] }) {
  const hasLarge = outliers.some(({ isLarge }) => isLarge);
  return (
    <>
      <table class="slowest">
        <caption class="hidden">The slowest partitions</caption>
        <tbody>
          {outliers.slice(0, LISTED).map((outlier) => (
            <tr key={outlier.ordinal}>
              <td>
                <PartitionLink runId={runId} partition={outlier}>
                  {nameOf(outlier)}
                </PartitionLink>
              </td>
              <td class="number">{durationText(outlier.took)}</td>
              <td class="number">{plural(outlier.rows, 'row')}</td>
              {hasLarge && <td>{outlier.isLarge ? 'among the largest' : 'not large'}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <button
          type="button"
          class="link"
          onClick={() => setQuery({ took: rangeText([outliers.at(-1)!.took, null]), sort: '-took' })}
        >
          Show the slowest {outliers.length}
        </button>
      </p>
    </>
  );
}

/** Number of partitions by the bytes of their duration (lines) and rows (columns). */
function densityOf(cells: Cells, conditions: PartitionFilter): { counts: Int32Array; count: Count } {
  const { duration, rows } = cells;
  const isLit = highlighter(conditions, cells);
  const counts = new Int32Array(VALUES * VALUES);
  return {
    counts,
    count(from, to, by) {
      for (let ordinal = from; ordinal < to; ordinal++)
        if (isLit === null || isLit(ordinal)) counts[duration[ordinal]! * VALUES + rows[ordinal]!]! += by;
    },
  };
}
