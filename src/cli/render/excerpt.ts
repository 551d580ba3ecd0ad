/** Lines of code around the place of an error. */
import type { SourceExcerpt } from '../..';
import type { Paint } from '../../display/paint';
import { clean, cut } from '../../display/text';

const TAB = '    ';
/** Code in fewer columns cannot be read. */
const MIN_CODE_WIDTH = 20;

/**
 * Numbered lines with the place marked, such as `  › 9 │ throw …`, indented by `indent`: none if there is no
 * excerpt, or too little width. Code that has been edited since is announced.
 */
export function renderExcerpt(
  excerpt: SourceExcerpt | null,
  indent: string,
  width: number,
  paint: Paint,
): string[] {
  if (excerpt === null) return [];
  const { from, lines, line, isCurrent } = excerpt;
  const digits = String(from + lines.length - 1).length;
  const room = width - indent.length - digits - '›  │ '.length;
  if (room < MIN_CODE_WIDTH) return [];
  const texts = outdented(lines.map((each) => each.trimEnd().replaceAll('\t', TAB)));
  const shown = texts.map((text, i) => {
    const isPlace = from + i === line;
    const number = String(from + i).padStart(digits);
    const gutter = isPlace ? `${paint.red('›')} ${paint.bold(number)}` : `  ${paint.dim(number)}`;
    const code = cut(clean(text), room);
    return `${indent}${gutter} ${paint.dim('│')}${code === '' ? '' : ` ${isPlace ? code : paint.dim(code)}`}`;
  });
  const edited =
    isCurrent === false ? [paint.dim(`${indent}  (edited since: this is the code that ran)`)] : [];
  return [...shown, ...edited];
}

/** Without the spaces that all lines begin with. */
function outdented(lines: readonly string[]): string[] {
  const indents = lines.filter((line) => line !== '').map((line) => /^ */.exec(line)![0].length);
  const common = Math.min(...indents);
  return lines.map((line) => line.slice(common));
}
