/** Moves through a picture that shows a part of a whole: by wheel, two fingers, dragging and keys. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { zoomed, type Part } from './part';

/** In CSS pixels, from the picture's upper left corner; events have it. */
export interface Point {
  offsetX: number;
  offsetY: number;
}

interface Options {
  /** What is in the address. */
  view: Part;
  total: number;
  /** Length of the smallest part. */
  least: number;
  /** The position below a point of the picture. */
  positionAt(point: Point): number | null;
  /** By how much a part moves when its picture is dragged by so many CSS pixels. */
  moveOf(right: number, down: number, part: Part): number;
  /** Called at the end of a gesture: browsers limit how often an address may change. */
  show(part: Part): void;
}

export interface Zoom {
  /** What is shown, also during a gesture. */
  view: Part;
  isWhole: boolean;
  zoom(around: number, factor: number): void;
  all(): void;
  onWheel(event: WheelEvent): void;
  onPointerDown(event: PointerEvent): void;
  onPointerMove(event: PointerEvent): void;
  /** Whether it was a click, and not a gesture. */
  onPointerUp(event: PointerEvent): boolean;
  onPointerCancel(): void;
  /** Whether the key did something. */
  onKeyDown(event: KeyboardEvent, around: number): boolean;
}

export const ZOOM_STEP = 1.4;
/** Pixels that a click may be off. */
const SLACK = 4;
const WHEEL_ENDS_MS = 200;

interface Gesture {
  view: Part;
  x: number;
  y: number;
  hasMoved: boolean;
  /** Of two fingers. */
  pinch: { distance: number; around: number } | null;
}

export function useZoom({ view: settled, total, least, positionAt, moveOf, show }: Options): Zoom {
  const [moving, setMoving] = useState<Part | null>(null);
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const gesture = useRef<Gesture | null>(null);
  const wheelEnd = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef<Part | null>(null);
  const view = moving ?? settled;
  const isWhole = view[0] === 0 && view[1] === total;
  useEffect(() => () => clearTimeout(wheelEnd.current), []);

  const move = (part: Part | null): void => {
    latest.current = part;
    setMoving(part);
  };
  const settle = (): void => {
    if (latest.current !== null) show(latest.current);
    move(null);
  };
  const within = (from: number, length: number): Part => {
    const start = Math.max(0, Math.min(total - length, Math.round(from)));
    return [start, start + length];
  };
  const zoom = (around: number, factor: number): void => show(zoomed(view, around, factor, total, least));
  const all = (): void => show([0, total]);

  return {
    view,
    isWhole,
    zoom,
    all,
    onWheel(event) {
      const around = positionAt(event);
      // A picture of the whole does not keep the page from scrolling on.
      if (around === null || (isWhole && event.deltaY > 0) || event.deltaY === 0) return;
      event.preventDefault();
      move(
        zoomed(latest.current ?? view, around, event.deltaY < 0 ? 1 / ZOOM_STEP : ZOOM_STEP, total, least),
      );
      clearTimeout(wheelEnd.current);
      wheelEnd.current = setTimeout(settle, WHEEL_ENDS_MS);
    },
    onPointerDown(event) {
      if (event.button !== 0) return;
      const { offsetX: x, offsetY: y } = event;
      pointers.current.set(event.pointerId, { x, y });
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      const [a, b] = [...pointers.current.values()];
      const around =
        a === undefined || b === undefined
          ? null
          : positionAt({ offsetX: (a.x + b.x) / 2, offsetY: (a.y + b.y) / 2 });
      gesture.current = {
        view,
        x,
        y,
        hasMoved: b !== undefined,
        pinch: around === null ? null : { distance: distanceOf(pointers.current), around },
      };
    },
    onPointerMove(event) {
      const now = gesture.current;
      const pointer = pointers.current.get(event.pointerId);
      if (now === null || pointer === undefined) return;
      [pointer.x, pointer.y] = [event.offsetX, event.offsetY];
      if (now.pinch !== null) {
        const factor = now.pinch.distance / Math.max(1, distanceOf(pointers.current));
        move(zoomed(now.view, now.pinch.around, factor, total, least));
        return;
      }
      const [right, down] = [pointer.x - now.x, pointer.y - now.y];
      if (Math.hypot(right, down) > SLACK) now.hasMoved = true;
      if (now.hasMoved && !isWhole)
        move(within(now.view[0] + moveOf(right, down, now.view), now.view[1] - now.view[0]));
    },
    onPointerUp(event) {
      const was = gesture.current;
      if (!pointers.current.delete(event.pointerId) || was === null) return false;
      gesture.current = null;
      settle();
      return !was.hasMoved;
    },
    onPointerCancel() {
      pointers.current.clear();
      gesture.current = null;
      move(null);
    },
    onKeyDown({ key }, around) {
      if (key === '+') zoom(around, 1 / ZOOM_STEP);
      else if (key === '-') zoom(around, ZOOM_STEP);
      else if (key === '0') all();
      else return false;
      return true;
    },
  };
}

function distanceOf(pointers: ReadonlyMap<number, { x: number; y: number }>): number {
  const [a, b] = [...pointers.values()];
  return a === undefined || b === undefined ? 0 : Math.hypot(a.x - b.x, a.y - b.y);
}
