/** The cell that is pointed at, and a range that is selected from it: by the mouse with Shift, or by keys. */
import { useRef, useState } from 'preact/hooks';
import { setQuery } from '../address';
import { css, type Palette } from '../theme';
import { outlineOf, type CellLayout } from './layout';

/** The layout that was drawn last, and how many of its pixels are a CSS pixel. */
export interface Drawn {
  current: { layout: CellLayout; scale: number } | null;
}

export interface CellCursor {
  at: number | null;
  /** Ordinals from, and up to but not including. */
  selected: readonly [number, number] | null;
  under(event: MouseEvent): number | null;
  /** Whether the event began, changed or ended a selection. */
  onPointerDown(event: PointerEvent): boolean;
  onPointerMove(event: PointerEvent): boolean;
  onPointerUp(): boolean;
  leave(): void;
  /** To be called when the picture was drawn: another cell may be under a mouse that rests. */
  settle(): void;
  /** Whether the key did something. `first`: where the cursor appears. */
  onKeyDown(event: KeyboardEvent, first: number): boolean;
}

const ARROWS: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function useCellCursor(
  drawn: Drawn,
  { total, open, onMove }: { total: number; open(ordinal: number): void; onMove?(ordinal: number): void },
): CellCursor {
  const [at, setAt] = useState<number | null>(null);
  const [anchor, setAnchor] = useState<number | null>(null);
  const isDragging = useRef(false);
  /** Where the mouse was seen last; null if it has left, or keys have moved the cursor since. */
  const mouse = useRef<{ offsetX: number; offsetY: number } | null>(null);
  const perCell = drawn.current?.layout.perCell ?? 1;
  const selected =
    anchor === null || at === null
      ? null
      : ([Math.min(anchor, at), Math.min(total, Math.max(anchor, at) + perCell)] as const);

  const under = ({ offsetX, offsetY }: { offsetX: number; offsetY: number }): number | null => {
    if (drawn.current === null) return null;
    const { layout, scale } = drawn.current;
    return layout.ordinalAt(offsetX * scale, offsetY * scale);
  };
  const apply = (): void => {
    if (selected !== null) setQuery({ ordinals: `${selected[0]}-${selected[1]}` });
    setAnchor(null);
  };

  return {
    at,
    selected,
    under,
    onPointerDown(event) {
      const ordinal = under(event);
      if (!event.shiftKey || event.button !== 0 || ordinal === null) return false;
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      isDragging.current = true;
      setAnchor(ordinal);
      setAt(ordinal);
      return true;
    },
    onPointerMove(event) {
      const ordinal = under(event);
      mouse.current = { offsetX: event.offsetX, offsetY: event.offsetY };
      // Beyond the cells, what was selected stays.
      if (!isDragging.current || ordinal !== null) setAt(ordinal);
      return isDragging.current;
    },
    onPointerUp() {
      if (!isDragging.current) return false;
      isDragging.current = false;
      apply();
      return true;
    },
    leave() {
      isDragging.current = false;
      mouse.current = null;
      setAnchor(null);
      setAt(null);
    },
    settle() {
      if (mouse.current === null || isDragging.current) return;
      const ordinal = under(mouse.current);
      if (ordinal !== at) setAt(ordinal);
    },
    onKeyDown({ key, shiftKey }, first) {
      const arrow = ARROWS[key];
      if (arrow !== undefined) {
        mouse.current = null;
        const next = at === null ? first : drawn.current!.layout.moved(at, ...arrow);
        setAnchor(shiftKey ? (anchor ?? at ?? first) : null);
        setAt(next);
        onMove?.(next);
        return true;
      }
      if (key === 'Enter' && at !== null) {
        if (selected === null) open(at);
        else apply();
        return true;
      }
      if (key !== 'Escape' || at === null) return false;
      mouse.current = null;
      if (anchor === null) setAt(null);
      setAnchor(null);
      return true;
    },
  };
}

/** Frames the cell and the selection; `shown`: the ordinals that are in the picture. */
export function drawCursor(
  context: CanvasRenderingContext2D,
  { layout, scale }: { layout: CellLayout; scale: number },
  { at, selected }: CellCursor,
  { names }: Palette,
  [from, to]: readonly [number, number],
  width: number,
): void {
  context.strokeStyle = css(names['ink']!);
  if (selected !== null && selected[0] < to && selected[1] > from) {
    const first = layout.boxOf(Math.max(from, selected[0]));
    const last = layout.boxOf(Math.min(to, selected[1]) - 1);
    context.lineWidth = Math.max(2, 2 * scale);
    context.beginPath();
    for (const [x, y] of outlineOf(first, last, 0, width)) context.lineTo(x, y);
    context.closePath();
    context.stroke();
  }
  if (at === null || at < from || at >= to) return;
  const { x, y, width: wide, height } = layout.boxOf(at);
  context.lineWidth = Math.max(1, scale);
  context.strokeRect(x - 0.5, y - 0.5, wide, height);
}
