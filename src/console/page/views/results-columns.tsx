/** Each column of the results in a line: how many values, which, and how they are spread. */
import type { ColumnFigures } from '../../wire/types';
import { Picture } from '../pictures/picture';
import { css, palette } from '../theme';
import { number, shown } from '../words';

const HEIGHT = 28;

export function ColumnsPanel({ figures }: { figures: readonly ColumnFigures[] }) {
  return (
    <section class="panel" aria-label="Columns">
      <h2>Columns</h2>
      <div class="scrolled" tabIndex={0} role="group" aria-label="Figures of columns">
        <table class="columns">
          <thead>
            <tr>
              <th>Column</th>
              <th>Type</th>
              <th class="number">Values</th>
              <th class="number">NULL</th>
              <th class="number">Different, about</th>
              <th class="number">Least</th>
              <th class="number">Median</th>
              <th class="number">Largest</th>
              <th>Distribution</th>
            </tr>
          </thead>
          <tbody>
            {figures.map((column) => (
              <tr key={column.name}>
                <td>{shown(column.name)}</td>
                <td class="faint">{column.type}</td>
                <td class="number">{number(column.count)}</td>
                <td class="number">{number(column.nulls)}</td>
                <td class="number" title="approximately">
                  {number(column.distinct)}
                </td>
                <td class="number">{value(column.min)}</td>
                <td class="number">{value(column.median)}</td>
                <td class="number">{value(column.max)}</td>
                <td>
                  {column.histogram !== null && <Histogram name={column.name} bins={column.histogram} />}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function value(text: string | null) {
  return text === null ? (
    ''
  ) : (
    <span title={shown(text)}>{shown(text.length > 24 ? `${text.slice(0, 23)}…` : text)}</span>
  );
}

function Histogram({ name, bins }: { name: string; bins: NonNullable<ColumnFigures['histogram']> }) {
  const draw = (context: CanvasRenderingContext2D, width: number, height: number): void => {
    const most = Math.max(1, ...bins.map(({ count }) => count));
    context.fillStyle = css(palette.value.names['mark']!);
    bins.forEach(({ count }, i) => {
      if (count === 0) return;
      const tall = Math.max(1, (count / most) * height);
      const wide = width / bins.length;
      context.fillRect(i * wide, height - tall, Math.max(1, wide - 1), tall);
    });
  };
  return <Picture height={HEIGHT} label={`How the values of ${shown(name)} are spread.`} draw={draw} />;
}
