/**
 * A picture along one axis, over which a range is selected: by dragging, or by its two edges, which keys move
 * and screen readers read.
 */
import { useRef, useState } from 'preact/hooks';
import type { Part } from './part';
import { Picture } from './picture';

interface BrushProps {
  height: number;
  label: string;
  /** Number of steps of the axis; edges are at 0 to `steps`. */
  steps: number;
  /** What is selected. */
  value: Part | null;
  /** Names of the edges for screen readers. */
  edges: readonly [string, string];
  /** What an edge at this step is read as. */
  textAt: (step: number, edge: 'first' | 'last') => string;
  /** What is drawn, apart from the selection, as for `Picture`. */
  of: readonly unknown[];
  /** Null: nothing is selected any more. */
  onSelect: (range: Part | null) => void;
  draw: (
    context: CanvasRenderingContext2D,
    size: { width: number; height: number; scale: number },
    range: Part | null,
  ) => void;
}

/** CSS pixels that a click may be off. */
const SLACK = 3;
/** A step belongs to a range that covers more than this of it. */
const COVERED = 0.25;

export function Brush({ height, label, steps, value, edges, textAt, of, onSelect, draw }: BrushProps) {
  const start = useRef<number | null>(null);
  const [draft, setDraft] = useState<Part | null>(null);
  const range = draft ?? value;
  const [from, to] = range ?? [0, steps];

  const dragged = (event: PointerEvent): Part | null => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    if (start.current === null || Math.abs(event.clientX - start.current) < SLACK) return null;
    const [low, high] = [start.current, event.clientX]
      .map((x) => (Math.max(0, Math.min(width, x - left)) / width) * steps)
      .sort((a, b) => a - b) as [number, number];
    const first = Math.min(steps - 1, Math.floor(low + COVERED));
    return [first, Math.max(first + 1, Math.ceil(high - COVERED))];
  };
  const select = (selected: Part | null): void => {
    setDraft(null);
    onSelect(selected);
  };
  const onKeyDown = (event: KeyboardEvent, edge: 0 | 1): void => {
    const step = stepOf(event, steps);
    if (step !== null) {
      const next: [number, number] = [from, to];
      next[edge] += step;
      setDraft([
        edge === 0 ? Math.max(0, Math.min(to - 1, next[0])) : from,
        edge === 1 ? Math.min(steps, Math.max(from + 1, next[1])) : to,
      ]);
    } else if (event.key === 'Enter' && draft !== null) select(from === 0 && to === steps ? null : draft);
    else if (event.key === 'Escape' && range !== null) select(null);
    else return;
    event.preventDefault();
  };

  return (
    <div class="brush">
      <Picture
        height={height}
        label={label}
        of={[...of, range?.[0], range?.[1]]}
        draw={(context, width, tall, scale) => draw(context, { width, height: tall, scale }, range)}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          (event.currentTarget as Element).setPointerCapture(event.pointerId);
          start.current = event.clientX;
        }}
        onPointerMove={(event) => {
          if (start.current !== null) setDraft(dragged(event));
        }}
        onPointerCancel={() => {
          start.current = null;
          setDraft(null);
        }}
        onPointerUp={(event) => {
          if (start.current === null) return;
          const selected = dragged(event);
          start.current = null;
          select(selected);
        }}
      />
      {steps > 0 &&
        ([0, 1] as const).map((edge) => (
          <div
            key={edge}
            class="edge"
            role="slider"
            tabIndex={0}
            aria-label={`${edges[edge]}. Enter selects, Escape shows all.`}
            aria-valuemin={edge === 0 ? 0 : 1}
            aria-valuemax={edge === 0 ? steps - 1 : steps}
            aria-valuenow={edge === 0 ? from : to}
            aria-valuetext={edge === 0 ? textAt(from, 'first') : textAt(to, 'last')}
            style={{ left: `${((edge === 0 ? from : to) / steps) * 100}%` }}
            onKeyDown={(event) => onKeyDown(event, edge)}
          />
        ))}
    </div>
  );
}

/** Null: the key moves no edge. */
function stepOf({ key, shiftKey }: KeyboardEvent, steps: number): number | null {
  const small = shiftKey ? 1 : Math.max(1, Math.round(steps / 100));
  const large = Math.max(1, Math.round(steps / 10));
  const by: Readonly<Record<string, number>> = {
    ArrowLeft: -small,
    ArrowDown: -small,
    ArrowRight: small,
    ArrowUp: small,
    PageDown: -large,
    PageUp: large,
    Home: -steps,
    End: steps,
  };
  return by[key] ?? null;
}
