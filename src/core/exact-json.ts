/** Parses JSON without losing digits: `JSON.parse` rounds integers that a number cannot hold. */

/** Strings, which are skipped, and numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Without one of these, a text has only numbers that JavaScript can hold. */
const SUSPICIOUS = /\d{16}|\d[eE][+-]?\d{3}/;

/**
 * Like `JSON.parse`, but integers that are not safe become what `toInteger` makes of their text, and numbers
 * beyond the range of a double become text. Other numbers are read as doubles.
 */
export function parseExactJson(text: string, toInteger: (digits: string) => unknown = BigInt): unknown {
  if (!SUSPICIOUS.test(text)) return JSON.parse(text) as unknown;
  // A text that is not JSON must be refused as it is.
  JSON.parse(text);
  const marker = markerFor(text);
  const marked = text.replace(TOKENS, (token) => (isHeld(token) ? token : `"${marker}${token}"`));
  return JSON.parse(marked, (_, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith(marker)) return value;
    const number = value.slice(marker.length);
    return /^-?\d+$/.test(number) ? toInteger(number) : number;
  }) as unknown;
}

/** Whether a token is a string, or a number that JavaScript can hold. */
function isHeld(token: string): boolean {
  if (token.startsWith('"')) return true;
  const number = Number(token);
  return /[.eE]/.test(token) ? Number.isFinite(number) : Number.isSafeInteger(number);
}

/** A prefix that none of the text's strings has. */
function markerFor(text: string): string {
  let marker = 'n:';
  // A string may have the same characters as escapes.
  const strings = JSON.stringify([...text.matchAll(TOKENS)].map(([token]) => unescaped(token)));
  while (strings.includes(marker)) marker = `n${marker}`;
  return marker;
}

function unescaped(token: string): string {
  return token.startsWith('"') ? (JSON.parse(token) as string) : '';
}
