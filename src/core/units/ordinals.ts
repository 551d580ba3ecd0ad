/**
 * Encodes lists of ordinals as short strings for history: `[3, 7, 8, 9]` ↔ `"3,7-9"`, or `"~3:n1"`, a bitmap
 * that starts at the first ordinal, if that is shorter. However many ordinals there are and however they are
 * distributed, the bitmap takes one character per six ordinals of its range (I7).
 */

const SIX_BITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';

/** Lists up to this length are never written as a bitmap, so short lists stay readable. */
const READABLE = 200;

/** Ordinals may be in any order, but must be distinct. */
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

/** Ordinals from `from` to `to`, inclusive. */
export interface OrdinalRange {
  from: number;
  to: number;
}

/**
 * Number of ordinals in a list written by `encodeOrdinals`; null if it is not such a list, or has ordinals
 * outside the range.
 */
export function ordinalsWithin(text: string, { from, to }: OrdinalRange): number | null {
  if (text === '') return 0;
  const bits = /^~(\d+):([0-9A-Za-z_-]+)$/.exec(text);
  if (bits === null) return countRanges(text, { from, to });
  // Checked before decoding: a forged list could name more ordinals than fit in memory.
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
