import { useRef } from 'preact/hooks';

type Paint = (context: CanvasRenderingContext2D, width: number, height: number) => void;

/**
 * Returns a function that draws a layer over a whole picture. It is painted again only if the picture's size
 * or one of the values that it is made of has changed: pointing at something only draws it again.
 */
export function useLayer(): (
  context: CanvasRenderingContext2D,
  madeOf: readonly unknown[],
  paint: Paint,
) => void {
  const kept = useRef<{ madeOf: readonly unknown[]; canvas: HTMLCanvasElement } | null>(null);
  return (context, madeOf, paint) => {
    const { width, height } = context.canvas;
    const now = [width, height, ...madeOf];
    if (kept.current === null || now.some((value, i) => value !== kept.current!.madeOf[i])) {
      const canvas = kept.current?.canvas ?? document.createElement('canvas');
      // Setting a size clears it.
      canvas.width = width;
      canvas.height = height;
      paint(canvas.getContext('2d')!, width, height);
      kept.current = { madeOf: now, canvas };
    }
    context.drawImage(kept.current.canvas, 0, 0);
  };
}
