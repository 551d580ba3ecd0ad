/** Parses JSON without losing digits: `JSON.parse` rounds integers that a number cannot hold. */

/** Strings, which are skipped, and numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Without one of these, a text has only numbers that JavaScript can hold. */
const SUSPICIOUS = /\d{16}|\d[eE][+-]?\d{3}/;

/**
 * Like `JSON.parse`, but integers that are not safe become bigints, and numbers beyond the range of a double
 * become text. Other numbers are read as doubles.
 */
export function parseExactJson(text: string): unknown {
  return SUSPICIOUS.test(text) ? parseNumbers(text, isHeld, BigInt) : (JSON.parse(text) as unknown);
}

/** Like `JSON.parse`, but numbers whose digits a double does not have become text. */
export function parseJsonAsTyped(text: string): unknown {
  return parseNumbers(text, (token) => isHeld(token) && isSameNumber(token), String);
}

function parseNumbers(
  text: string,
  isKept: (token: string) => boolean,
  toInteger: (digits: string) => unknown,
): unknown {
  // A text that is not JSON must be refused as it is.
  JSON.parse(text);
  const marker = markerFor(text);
  const marked = text.replace(TOKENS, (token) => (isKept(token) ? token : `"${marker}${token}"`));
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

/** Whether a token is a string, or a number with the digits that its double is written with. */
function isSameNumber(token: string): boolean {
  return token.startsWith('"') || significantDigits(token) === significantDigits(String(Number(token)));
}

/** The digits of a number's text; two texts of similar numbers with the same digits are the same number. */
export function significantDigits(text: string): string {
  const digits = text.replace(/e.*$/i, '').replace(/[-.]/g, '').replace(/^0+/, '');
  return digits.replace(/0+$/, '');
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
