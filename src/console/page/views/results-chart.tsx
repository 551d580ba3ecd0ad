/** A picture of two columns of the results, of a kind that fits their types. */
import { useState } from 'preact/hooks';
import type { ColumnView, ResultsAnswer, ResultsRequest } from '../../wire/types';
import { Picture } from '../pictures/picture';
import { useAnswer } from '../parts/use-answer';
import { css, palette } from '../theme';
import { number, shown } from '../words';

const HEIGHT = 220;
const MOST_BARS = 30;
const MOST_POINTS = 500;

type Kind = 'bars' | 'line' | 'scatter';

const isTime = (column: ColumnView | undefined): boolean => /^(DATE|TIMESTAMP)/.test(column?.type ?? '');

function kindOf(x: ColumnView | undefined): Kind {
  if (isTime(x)) return 'line';
  return x?.isNumber === true ? 'scatter' : 'bars';
}

export function ChartPanel({
  path,
  columns,
  where,
}: {
  path: string;
  columns: readonly ColumnView[];
  where: ResultsRequest['where'];
}) {
  const numbers = columns.filter(({ isNumber }) => isNumber);
  const [x, setX] = useState(columns[0]?.name ?? '');
  const [y, setY] = useState(numbers.at(-1)?.name ?? '');
  const [xColumn, yColumn] = [x, y].map((name) => columns.find((column) => column.name === name));
  const kind = kindOf(xColumn);
  const request: ResultsRequest = {
    offset: 0,
    limit: kind === 'bars' ? MOST_BARS : MOST_POINTS,
    sort: kind === 'bars' ? [{ column: y, descending: true }] : [{ column: x, descending: false }],
    where: [...where, { column: y, op: 'isNotNull' }, { column: x, op: 'isNotNull' }],
  };
  const { value } = useAnswer<ResultsAnswer>(yColumn === undefined ? null : path, { body: request });
  if (yColumn === undefined) return null;
  const at = (name: string): number => value?.columns.findIndex((column) => column.name === name) ?? -1;
  const points = (value?.rows ?? []).map((row) => ({ x: row[at(x)] ?? '', y: Number(row[at(y)]) }));

  return (
    <section class="panel" aria-label="Chart">
      <h2>
        Chart <Choice label="of" value={y} columns={numbers} onChange={setY} />{' '}
        <Choice label="by" value={x} columns={columns} onChange={setX} />
        {value !== null && (
          <span class="faint">
            {kind === 'bars' ? 'the largest' : 'the first'} {number(points.length)} of {number(value.total)}{' '}
            rows
          </span>
        )}
      </h2>
      {kind === 'bars' ? (
        <Bars points={points} />
      ) : (
        <Points
          isLine={kind === 'line'}
          points={points.map((point) => ({
            ...point,
            at: isTime(xColumn) ? Date.parse(point.x) : Number(point.x),
          }))}
          label={`${shown(y)} by ${shown(x)}`}
        />
      )}
    </section>
  );
}

function Choice({
  label,
  value,
  columns,
  onChange,
}: {
  label: string;
  value: string;
  columns: readonly ColumnView[];
  onChange: (name: string) => void;
}) {
  return (
    <label class="faint">
      {label}{' '}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {columns.map(({ name }) => (
          <option key={name} value={name}>
            {shown(name)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Names stay readable next to bars that lie. */
function Bars({ points }: { points: readonly { x: string; y: number }[] }) {
  const most = Math.max(0, ...points.map(({ y }) => Math.abs(y)));
  return (
    <ol class="bars">
      {points.map(({ x, y }, i) => (
        <li key={i}>
          <span title={shown(x)}>{shown(x)}</span>
          <i style={{ width: `${most === 0 ? 0 : (Math.abs(y) / most) * 100}%` }} />
          <span class="number">{number(y)}</span>
        </li>
      ))}
    </ol>
  );
}

interface Point {
  x: string;
  at: number;
  y: number;
}

function Points({ points, label, isLine }: { points: readonly Point[]; label: string; isLine: boolean }) {
  const known = points.filter(({ at, y }) => Number.isFinite(at) && Number.isFinite(y));
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return <p class="empty">There are no values to draw.</p>;
  const low = Math.min(...known.map(({ y }) => y));
  const high = Math.max(...known.map(({ y }) => y));
  const draw = (context: CanvasRenderingContext2D, width: number, height: number, scale: number): void => {
    const edge = 4 * scale;
    const place = (at: number, least: number, most: number, size: number): number =>
      edge + ((at - least) / (most - least || 1)) * (size - 2 * edge);
    context.strokeStyle = context.fillStyle = css(palette.value.names['mark']!);
    context.lineWidth = 1.5 * scale;
    context.beginPath();
    known.forEach(({ at, y }, i) => {
      const [left, top] = [place(at, first.at, last.at, width), height - place(y, low, high, height)];
      if (!isLine) context.fillRect(left - scale * 1.5, top - scale * 1.5, 3 * scale, 3 * scale);
      else if (i === 0) context.moveTo(left, top);
      else context.lineTo(left, top);
    });
    if (isLine) context.stroke();
  };
  return (
    <>
      <Picture height={HEIGHT} label={label} draw={draw} />
      <p class="axis">
        <span>{shown(first.x)}</span>
        <span>
          {number(low)} to {number(high)}, upwards
        </span>
        <span>{shown(last.x)}</span>
      </p>
    </>
  );
}
