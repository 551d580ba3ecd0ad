/** Partitions selected by ordinal, as text that people can read: `3,7-9`. Pure. */
import { quote } from './quote';
import type { OrdinalRange } from './units/ordinals';

/** The text is part of the input of a run, which history contains (I7). */
const MAX_LENGTH = 64 * 1024;

export const RANGES = 'ordinals and ranges of them in ascending order, such as "3,7-9"';

/**
 * Ascending ordinals as `RetryInput.ordinals`: neighbours become a range.
 *
 * @example
 * const [largest] = await run.failures();
 * await run.retry({ ordinals: ordinalRanges(largest.ordinals) });
 */
export function ordinalRanges(ordinals: ArrayLike<number>): string {
  const ranges: string[] = [];
  for (let i = 0; i < ordinals.length;) {
    const from = ordinals[i]!;
    let to = from;
    while (ordinals[++i] === to + 1) to++;
    ranges.push(from === to ? `${from}` : `${from}-${to}`);
  }
  return ranges.join(',');
}

/**
 * What is wrong with the text, as a sentence; null if nothing is. `instead`: what to do if it is too long.
 */
export function rangesProblem(text: string, instead: string): string | null {
  if (text.length > MAX_LENGTH) {
    const [kibibytes, most] = [Math.ceil(text.length / 1024), MAX_LENGTH / 1024];
    return (
      `"ordinals" is ${kibibytes} KiB long, but at most ${most} KiB can be passed through Temporal: ` +
      `${instead}.`
    );
  }
  let next = 0;
  for (const range of text.split(',')) {
    const [from, to] = /^\d{1,9}(-\d{1,9})?$/.test(range) ? boundsOf(range) : [NaN, NaN];
    // Also refuses NaN.
    if (!(from >= next && to >= from)) {
      const where = text === '' ? '' : `, in which ${quote(range)} is out of place`;
      return `"ordinals" is ${quote(text)}${where}; it takes ${RANGES}.`;
    }
    next = to + 1;
  }
  return null;
}

/** Number of ordinals in a text without a problem. */
export function countRanges(text: string): number {
  return parseRanges(text).reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** The ranges of a text without a problem. */
export function parseRanges(text: string): OrdinalRange[] {
  return text.split(',').map((range) => {
    const [from, to] = boundsOf(range);
    return { from, to };
  });
}

function boundsOf(range: string): [from: number, to: number] {
  const [from, to = from] = range.split('-').map(Number);
  return [from!, to!];
}
