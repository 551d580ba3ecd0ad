/**
 * Lists of ordinals as short text, for history: `[3, 7, 8, 9]` ↔ `"3,7-9"`, or `"~3:n1"`, a bit for each
 * ordinal from the first on, where that is shorter: however many there are, and however they are strewn, it
 * takes a character for six (I7).
 */

const SIX_BITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';

/** Characters of a list that is never written as bits: short lists stay readable. */
const READABLE = 200;

/** In any order; each there once. */
export function encodeOrdinals(ordinals: ArrayLike<number>): string {
  const ranges: string[] = [];
  let length = 0;
  let ascending = true;
  for (let i = 0; i < ordinals.length;) {
    const from = ordinals[i]!;
    let to = from;
    while (ordinals[++i] === to + 1) to++;
    ascending &&= i === ordinals.length || ordinals[i]! > to;
    const range = from === to ? `${from}` : `${from}-${to}`;
    ranges.push(range);
    length += range.length + 1;
  }
  const span =
    ascending && ordinals.length > 0 ? ordinals[ordinals.length - 1]! - ordinals[0]! + 1 : Infinity;
  return length > Math.max(READABLE, span / 6 + 12) ? encodeBits(ordinals) : ranges.join(',');
}

export function decodeOrdinals(text: string): number[] {
  if (text === '') return [];
  if (text.startsWith('~')) return decodeBits(text);
  return text.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i);
  });
}

function encodeBits(ordinals: ArrayLike<number>): string {
  const first = ordinals[0]!;
  const bits = new Uint8Array(Math.ceil((ordinals[ordinals.length - 1]! - first + 1) / 6));
  for (let i = 0; i < ordinals.length; i++) {
    const offset = ordinals[i]! - first;
    bits[Math.floor(offset / 6)]! |= 1 << (offset % 6);
  }
  return `~${first}:${Array.from(bits, (six) => SIX_BITS[six]).join('')}`;
}

function decodeBits(text: string): number[] {
  const colon = text.indexOf(':');
  const first = Number(text.slice(1, colon));
  const ordinals: number[] = [];
  for (let at = colon + 1; at < text.length; at++) {
    const six = SIX_BITS.indexOf(text[at]!);
    for (let bit = 0; bit < 6; bit++)
      if ((six & (1 << bit)) !== 0) ordinals.push(first + (at - colon - 1) * 6 + bit);
  }
  return ordinals;
}

/** Ordinals from `from` to `to`, both included. */
export interface OrdinalRange {
  from: number;
  to: number;
}

/**
 * How many ordinals a list has that `encodeOrdinals` wrote; null when it is not such a list, or names others
 * than these.
 */
export function ordinalsWithin(text: string, { from, to }: OrdinalRange): number | null {
  if (text === '') return 0;
  const bits = /^~(\d+):([0-9A-Za-z_-]+)$/.exec(text);
  if (bits === null) return countRanges(text, { from, to });
  // Before it is decoded: a list that nobody encoded may name more than memory holds.
  const [first, length] = [Number(bits[1]), bits[2]!.length];
  if (first < from || first + 6 * (length - 1) > to) return null;
  const ordinals = decodeBits(text);
  return ordinals.every((ordinal) => ordinal <= to) ? ordinals.length : null;
}

function countRanges(text: string, { from, to }: OrdinalRange): number | null {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return null;
  const ranges = text.split(',').map((range) => range.split('-').map(Number));
  let [next, sum] = [from, 0];
  for (const [first, last = first] of ranges.sort((a, b) => a[0]! - b[0]!)) {
    if (first! < next || last! < first! || last! > to) return null;
    sum += last! - first! + 1;
    next = last! + 1;
  }
  return sum;
}
