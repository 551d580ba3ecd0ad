/** The units of a plan: their shares of the rows as a picture, and as a table. */
import { useState } from 'preact/hooks';
import type { PlanPreview, UnitSize } from '../../..';
import { unitName } from '../parts/partition-name';
import { Picture } from '../pictures/picture';
import { treemap, type Rect } from '../pictures/treemap';
import { css, palette } from '../theme';
import { number, plural } from '../words';

const HEIGHT = 260;
/** Smaller units are drawn as one. */
const MAX_DRAWN = 500;
/** Units in the table. */
const MAX_LISTED = 100;
/** CSS pixels that a label needs around it. */
const MARGIN = 4;
const LINE = 14;

interface Drawn extends Rect {
  /** Null: all others together. */
  unit: UnitSize | null;
}

export function PlanUnits({ plan: { unitSizes, rows } }: { plan: PlanPreview }) {
  const [at, setAt] = useState<number | null>(null);
  const [drawn, setDrawn] = useState<readonly Drawn[]>([]);
  const sentence = `${plural(unitSizes.length, 'unit')} of ${number(unitSizes.at(-1)!.rows)} to ${plural(unitSizes[0]!.rows, 'row')}.`;

  const draw = (context: CanvasRenderingContext2D, width: number, height: number, scale: number): void => {
    const rects = drawnUnits(unitSizes, width / scale, height / scale);
    if (JSON.stringify(rects) !== JSON.stringify(drawn)) setDrawn(rects);
    const colour = (name: string): string => css(palette.value.names[name]!);
    context.scale(scale, scale);
    context.font = '12px system-ui, sans-serif';
    context.textBaseline = 'top';
    rects.forEach((rect, i) => {
      context.fillStyle = colour('mark');
      context.fillRect(rect.x, rect.y, rect.width, rect.height);
      context.strokeStyle = colour('surface');
      context.lineWidth = 1;
      context.strokeRect(rect.x, rect.y, rect.width, rect.height);
      context.fillStyle = colour('surface');
      writeLabel(context, rect, labelOf(rect.unit, unitSizes.length - rects.length + 1));
      if (i !== at) return;
      context.strokeStyle = colour('ink');
      context.lineWidth = 2;
      context.strokeRect(rect.x + 1, rect.y + 1, Math.max(0, rect.width - 2), Math.max(0, rect.height - 2));
    });
    context.setTransform(1, 0, 0, 1, 0, 0);
  };
  const onPointerMove = (event: PointerEvent): void => {
    const found = drawn.findIndex(
      ({ x, y, width, height }) =>
        event.offsetX >= x && event.offsetX < x + width && event.offsetY >= y && event.offsetY < y + height,
    );
    setAt(found < 0 ? null : found);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: 1,
      ArrowDown: 1,
      ArrowLeft: -1,
      ArrowUp: -1,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setAt(at === null ? 0 : Math.max(0, Math.min(drawn.length - 1, at + step)));
  };
  const pointed = at === null ? undefined : drawn[at];
  return (
    <section class="panel" aria-label="Units">
      <h2>
        Units <span class="faint">areas by rows; the largest start first</span>
      </h2>
      <Picture
        height={HEIGHT}
        label={sentence}
        draw={draw}
        tabIndex={0}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setAt(null)}
        onKeyDown={onKeyDown}
      />
      <p role="status">
        {pointed === undefined ? sentence : describe(pointed.unit, unitSizes.slice(drawn.length - 1), rows)}
      </p>
      <details>
        <summary>
          {unitSizes.length > MAX_LISTED ? `The ${MAX_LISTED} largest units as a table` : 'As a table'}
        </summary>
        <UnitTable units={unitSizes.slice(0, MAX_LISTED)} />
      </details>
    </section>
  );
}

function UnitTable({ units }: { units: readonly UnitSize[] }) {
  return (
    <div class="scrolled" tabIndex={0} role="group" aria-label="Table of units">
      <table>
        <thead>
          <tr>
            <th>Unit</th>
            <th class="number">Partitions</th>
            <th class="number">Rows</th>
          </tr>
        </thead>
        <tbody>
          {units.map(({ label, partitions, rows }, i) => (
            <tr key={i}>
              <td>{unitName(label)}</td>
              <td class="number">{number(partitions)}</td>
              <td class="number">{number(rows)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Units without rows have no area. */
function drawnUnits(units: readonly UnitSize[], width: number, height: number): Drawn[] {
  const filled = units.filter(({ rows }) => rows > 0);
  const kept = filled.length > MAX_DRAWN ? filled.slice(0, MAX_DRAWN - 1) : filled;
  const others = filled.slice(kept.length).reduce((sum, { rows }) => sum + rows, 0);
  const values = [...kept.map(({ rows }) => rows), ...(others > 0 ? [others] : [])];
  // The rest may be more than the smallest that is drawn, which only makes it less square.
  return treemap(values, width, height).map((rect, i) => ({ ...rect, unit: kept[i] ?? null }));
}

function labelOf(unit: UnitSize | null, others: number): string {
  return unit === null ? `${number(others)} others` : unitName(unit.label);
}

/** Where there is room for it. */
function writeLabel(context: CanvasRenderingContext2D, rect: Rect, label: string): void {
  const room = rect.width - 2 * MARGIN;
  if (rect.height < LINE + 2 * MARGIN || context.measureText(label).width > room) return;
  context.fillText(label, rect.x + MARGIN, rect.y + MARGIN);
}

function describe(unit: UnitSize | null, others: readonly UnitSize[], all: number): string {
  const share = (rows: number): string => `${((100 * rows) / all).toFixed(1)} % of the rows`;
  if (unit !== null)
    return `${unitName(unit.label)}: ${plural(unit.partitions, 'partition')}, ${plural(unit.rows, 'row')}, ${share(unit.rows)}.`;
  const rows = others.reduce((sum, each) => sum + each.rows, 0);
  return `${plural(others.length, 'smaller unit')}: ${plural(rows, 'row')}, ${share(rows)}.`;
}
