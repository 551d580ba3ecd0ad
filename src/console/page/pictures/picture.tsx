import { useEffect, useRef } from 'preact/hooks';
import { palette } from '../theme';

interface PictureProps {
  /** CSS pixels. The width is that of the place. */
  height: number;
  /** What it shows, as a sentence. */
  label: string;
  /** Draws on a canvas of this size in device pixels, `scale` of which are a CSS pixel. */
  draw: (context: CanvasRenderingContext2D, width: number, height: number, scale: number) => void;
  /** What is drawn: the picture is drawn again when one of these is another value. Default: at every render. */
  of?: readonly unknown[];
  class?: string;
  tabIndex?: number;
  onPointerDown?: (event: PointerEvent) => void;
  onPointerMove?: (event: PointerEvent) => void;
  onPointerUp?: (event: PointerEvent) => void;
  onPointerCancel?: (event: PointerEvent) => void;
  onPointerLeave?: (event: PointerEvent) => void;
  onKeyDown?: (event: KeyboardEvent) => void;
  onDblClick?: (event: MouseEvent) => void;
  onWheel?: (event: WheelEvent) => void;
}

/** A picture that is out of sight is drawn again this long after it has changed, or when it is scrolled to. */
const OUT_OF_SIGHT_MS = 5_000;
/** CSS pixels from the edge of the window at which a picture is in sight already. */
const NEAR = 100;

/** A canvas as wide as its place, drawn again when its size, its content or the theme changes. */
export function Picture({ height, label, draw, of, onWheel, ...rest }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(draw);
  latest.current = draw;

  const isInSight = useRef(true);
  const later = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const redraw = useRef(() => {
    clearTimeout(later.current);
    later.current = undefined;
    const element = canvas.current;
    if (element === null) return;
    const scale = devicePixelRatio;
    const width = Math.max(1, Math.round(element.clientWidth * scale));
    const tall = Math.max(1, Math.round(element.clientHeight * scale));
    if (element.width !== width) element.width = width;
    if (element.height !== tall) element.height = tall;
    const context = element.getContext('2d')!;
    context.clearRect(0, 0, width, tall);
    latest.current(context, width, tall, scale);
  });

  useEffect(() => {
    const sizes = new ResizeObserver(() => redraw.current());
    sizes.observe(canvas.current!);
    const sight = new IntersectionObserver(
      (entries) => {
        isInSight.current = entries.at(-1)!.isIntersecting;
        if (isInSight.current && later.current !== undefined) redraw.current();
      },
      { rootMargin: `${NEAR}px` },
    );
    sight.observe(canvas.current!);
    return () => {
      sizes.disconnect();
      sight.disconnect();
      clearTimeout(later.current);
    };
  }, []);

  // A wheel listener that can keep the page from scrolling must not be passive.
  useEffect(() => {
    const element = canvas.current!;
    if (onWheel === undefined) return undefined;
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [onWheel]);

  const { value: colours } = palette;
  useEffect(
    () => {
      if (isInSight.current) redraw.current();
      else later.current ??= setTimeout(redraw.current, OUT_OF_SIGHT_MS);
    },
    of === undefined ? undefined : [...of, colours],
  );

  return <canvas ref={canvas} role="img" aria-label={label} style={{ height: `${height}px` }} {...rest} />;
}
