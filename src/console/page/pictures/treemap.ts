/** Values as rectangles that together fill a rectangle, each as large as its share. Pure. */

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * In the order of the values, which are above 0 and descending. Squarified (Bruls, Huizing and van Wijk,
 * "Squarified Treemaps", 2000): rows along the shorter side of what is left, each as long as that makes its
 * rectangles more square.
 */
export function treemap(values: readonly number[], width: number, height: number): Rect[] {
  const rects: Rect[] = [];
  const left = { x: 0, y: 0, width, height };
  const scale = (width * height) / values.reduce((sum, value) => sum + value, 0);
  for (let from = 0; from < values.length;) {
    const side = Math.min(left.width, left.height);
    let to = from + 1;
    let area = values[from]! * scale;
    let worst = worstRatio(side, area, values[from]! * scale, values[from]! * scale);
    for (; to < values.length; to++) {
      const next = area + values[to]! * scale;
      const ratio = worstRatio(side, next, values[from]! * scale, values[to]! * scale);
      if (ratio > worst) break;
      [area, worst] = [next, ratio];
    }
    place(values.slice(from, to), area, left, rects);
    from = to;
  }
  return rects;
}

/** The worst ratio of sides in a row of this area along a side, with areas from `least` to `most`. */
function worstRatio(side: number, area: number, most: number, least: number): number {
  return Math.max((side * side * most) / (area * area), (area * area) / (side * side * least));
}

/** Puts a row at the start of what is left, along its shorter side. */
function place(row: readonly number[], area: number, left: Rect, rects: Rect[]): void {
  const sum = row.reduce((total, value) => total + value, 0);
  const isUpright = left.width >= left.height;
  const [side, thick] = isUpright ? [left.height, area / left.height] : [left.width, area / left.width];
  let at = isUpright ? left.y : left.x;
  for (const value of row) {
    const long = (value / sum) * side;
    rects.push(
      isUpright
        ? { x: left.x, y: at, width: thick, height: long }
        : { x: at, y: left.y, width: long, height: thick },
    );
    at += long;
  }
  if (isUpright) {
    left.x += thick;
    left.width -= thick;
  } else {
    left.y += thick;
    left.height -= thick;
  }
}
