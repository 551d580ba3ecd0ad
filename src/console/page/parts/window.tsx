/** A list of any length of which only the visible rows exist. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Browsers cut elements off at some 16 million pixels. Longer lists are scrolled in proportion. */
const TALLEST = 8_000_000;
const EXTRA = 4;

interface WindowProps {
  count: number;
  rowHeight: number;
  label: string;
  /** Row that is scrolled to whenever there is another object. */
  goTo?: { readonly index: number } | null;
  /** Called with the visible rows, from and to (exclusive). */
  onShow: (from: number, to: number) => void;
  row: (index: number) => ComponentChildren;
}

export function Window({ count, rowHeight, label, goTo = null, onShow, row }: WindowProps) {
  const box = useRef<HTMLDivElement>(null);
  const [[top, height], setView] = useState<readonly [number, number]>([0, 400]);
  const full = count * rowHeight;
  const tall = Math.min(full, TALLEST);
  const fits = Math.max(1, Math.floor(height / rowHeight));
  const scrollable = Math.max(1, tall - height);
  // The first row by proportion: the last position of the scrollbar is the last row exactly.
  const first = full <= TALLEST ? top / rowHeight : (top / scrollable) * Math.max(0, count - fits);
  const from = Math.max(0, Math.floor(first) - EXTRA);
  const to = Math.min(count, Math.floor(first) + fits + EXTRA + 1);

  useLayoutEffect(() => {
    const element = box.current!;
    const measure = (): void => setView([element.scrollTop, element.clientHeight]);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);
  useLayoutEffect(() => {
    if (goTo === null) return;
    const { index } = goTo;
    if (index >= first && index + 1 < first + fits) return;
    const element = box.current!;
    element.scrollTop =
      full <= TALLEST
        ? index * rowHeight
        : (index / Math.max(1, count - fits)) * (tall - element.clientHeight);
  }, [goTo]);
  useLayoutEffect(() => onShow(from, to), [from, to]);

  return (
    <div class="window" ref={box} tabIndex={0} role="group" aria-label={label}>
      <div style={{ height: `${tall}px`, position: 'relative' }}>
        {Array.from({ length: Math.max(0, to - from) }, (_, i) => {
          const index = from + i;
          const y = full <= TALLEST ? index * rowHeight : top + (index - first) * rowHeight;
          return (
            <div
              key={index}
              class="window-row"
              data-index={index}
              style={{ transform: `translateY(${y}px)`, height: `${rowHeight}px` }}
            >
              {row(index)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
