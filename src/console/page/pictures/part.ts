/** The part of a whole that a picture shows. Pure. */

export type Part = readonly [from: number, to: number];

/** `10-20` in an address; the whole if it is not a part of it. */
export function partOf(text: string | null, total: number): Part {
  const match = /^(\d{1,12})-(\d{1,12})$/.exec(text ?? '');
  const [from, to] = match === null ? [0, total] : [Number(match[1]), Math.min(Number(match[2]), total)];
  return from < to ? [from, to] : [0, total];
}

/** Null for the whole, which needs no parameter. */
export function partText([from, to]: Part, total: number): string | null {
  return from === 0 && to === total ? null : `${from}-${to}`;
}

/** The part after zooming by `factor` around a position, inside `total`; it is at least `least` long. */
export function zoomed([from, to]: Part, around: number, factor: number, total: number, least: number): Part {
  const length = Math.max(Math.min(total, least), Math.min(total, Math.round((to - from) * factor)));
  const share = (around - from) / Math.max(1, to - from);
  const start = Math.max(0, Math.min(total - length, Math.round(around - share * length)));
  return [start, start + length];
}
