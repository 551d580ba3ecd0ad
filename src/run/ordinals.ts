/** Lists of ordinals as short text, for history: `[3, 7, 8, 9]` ↔ `"3,7-9"`. */

/** `ordinals` must be ascending. */
export function encodeOrdinals(ordinals: ArrayLike<number>): string {
  const ranges: string[] = [];
  for (let i = 0; i < ordinals.length;) {
    const from = ordinals[i]!;
    let to = from;
    while (ordinals[++i] === to + 1) to++;
    ranges.push(from === to ? `${from}` : `${from}-${to}`);
  }
  return ranges.join(',');
}

export function decodeOrdinals(text: string): number[] {
  if (text === '') return [];
  return text.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i);
  });
}
