/**
 * Parses sizes such as `'512MB'`, `'2GB'` and `'1.5 GiB'`. A megabyte here is 1,048,576 bytes, as in `top`
 * and in Node's own flags.
 */

const UNIT_BYTES: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes, or null if the string is not a size. */
export function parseBytes(value: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt])(?:i?b)?\s*$/i.exec(value);
  if (match === null) return null;
  const bytes = Math.round(Number(match[1]) * UNIT_BYTES[match[2]!.toLowerCase()]!);
  return bytes > 0 ? bytes : null;
}
