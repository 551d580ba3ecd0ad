/** Colours and weights that a program printed for a terminal. Pure. */

/** Classes of colours that the page has; those of other colours are those of the text around them. */
const COLOURS: Readonly<Record<number, string>> = {
  31: 'is-failed',
  32: 'is-done',
  33: 'is-running',
  90: 'faint',
  91: 'is-failed',
  92: 'is-done',
  93: 'is-running',
};

export interface Span {
  text: string;
  /** Null: as the text around it. */
  className: string | null;
}

interface Style {
  isBold: boolean;
  isFaint: boolean;
  colour: string | null;
}

const PLAIN: Style = { isBold: false, isFaint: false, colour: null };

/** The parts of a line between its sequences "Select Graphic Rendition". Other sequences stay in the text. */
export function spansOf(line: string): Span[] {
  const spans: Span[] = [];
  let style = PLAIN;
  // Every second part is what a sequence sets.
  line.split(SEQUENCE).forEach((part, i) => {
    if (i % 2 === 1) style = styled(style, part);
    else if (part !== '') spans.push({ text: part, className: classOf(style) });
  });
  return spans;
}

const SEQUENCE = new RegExp(String.raw`\u001B\[([\d;:]*)m`);

function classOf({ isBold, isFaint, colour }: Style): string | null {
  const names = [...(isBold ? ['bold'] : []), ...(colour === null ? (isFaint ? ['faint'] : []) : [colour])];
  return names.length === 0 ? null : names.join(' ');
}

function styled(before: Style, parameters: string): Style {
  let style = before;
  const codes = parameters.split(';').map(Number);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    // One of 256 colours has one more number, one of all has three.
    if (code === 38 || code === 48) i += codes[i + 1] === 5 ? 2 : 4;
    if (code === 0) style = PLAIN;
    else if (code === 1) style = { ...style, isBold: true };
    else if (code === 2) style = { ...style, isFaint: true };
    else if (code === 22) style = { ...style, isBold: false, isFaint: false };
    else if ((code >= 30 && code <= 39) || (code >= 90 && code <= 97))
      style = { ...style, colour: COLOURS[code] ?? null };
  }
  return style;
}
