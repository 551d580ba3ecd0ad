/** The first position, at or after `from`, of a number that is at least `least`, in ascending numbers. */
export function firstAtLeast(ascending: ArrayLike<number>, least: number, from = 0): number {
  let low = from;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
