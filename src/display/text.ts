/**
 * Text for a terminal: data must not be able to move the cursor, and width is measured in columns, not
 * characters.
 */

// eslint-disable-next-line no-control-regex
const ESCAPES = /\x1b\[[0-9;]*m/g;
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}\uff01-\uff60]/u;
/** Of characters that are one column wide each. */
const PLAIN_TEXT = /^[\x20-\x7e]*$/;
const ZERO = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Control characters made visible: a line feed as `⏎`, others as `\x1b`. */
export function clean(text: string): string {
  return text.replace(/\r?\n/g, '⏎').replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (c) => {
    const code = c.codePointAt(0)!.toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** Like `clean`, for text of several lines. */
export function cleanLines(text: string): string {
  return text.split(/\r?\n/).map(clean).join('\n');
}

/**
 * Number of columns that a text occupies, ignoring colours; of a text wider than `most`, some number above
 * that, so that a cell of megabytes is not measured to its end.
 */
export function widthOf(text: string, most = Infinity): number {
  if (text.length < 1_000 && PLAIN_TEXT.test(text)) return text.length;
  let width = 0;
  for (const character of text.includes('\x1b') ? text.replace(ESCAPES, '') : text) {
    width += ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
    if (width > most) break;
  }
  return width;
}

/**
 * Truncates text to `width` columns, ending in `…` if something was cut. The text must not contain colours.
 */
export function cut(text: string, width: number): string {
  if (widthOf(text, width) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += widthOf(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Like `cut`, but the text loses its middle, so that its beginning and its end remain. */
export function cutMiddle(text: string, width: number): string {
  if (widthOf(text, width) <= width) return text;
  const head = cut(text, Math.ceil(width / 2));
  const characters = Array.from(text);
  let from = characters.length;
  for (let left = width - widthOf(head); from > 0; from--) {
    left -= widthOf(characters[from - 1]!);
    if (left < 0) break;
  }
  return head + characters.slice(from).join('');
}

/**
 * Text on lines of at most `width` columns, broken at spaces. The first line begins with
 * `first`, others with `indent`.
 */
export function wrapped(text: string, width: number, first = '', indent = ''): string {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(/(?<= )(?=[^ ])/)) {
    for (const piece of pieces(word, width - widthOf(indent))) {
      if (!isEmpty && widthOf(line) + widthOf(piece.trimEnd()) > width) {
        lines.push(line.trimEnd());
        line = indent;
      }
      line += piece;
      isEmpty = false;
    }
  }
  return [...lines, line.trimEnd()].join('\n');
}

/** A word in parts that fit a line. */
function* pieces(word: string, width: number): Generator<string> {
  let piece = '';
  for (const character of word) {
    if (piece !== '' && character !== ' ' && widthOf(piece) + widthOf(character) > width) {
      yield piece;
      piece = '';
    }
    piece += character;
  }
  yield piece;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** `1 partition`, `46 partitions`, `1,204 rows`. */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** A label with decoded partition ids: `San Marcos`. */
export function readable(label: string): string {
  try {
    return clean(decodeURIComponent(label));
  } catch {
    return clean(label);
  }
}
