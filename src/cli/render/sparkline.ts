/** Bars and sparklines made of characters. */

const EIGHTHS = ' ▏▎▍▌▋▊▉';

/** `███▌`: a bar of at most `width` columns, exact to an eighth of a column. */
export function bar(value: number, most: number, width: number): string {
  if (!(value > 0) || !(most > 0)) return '';
  const eighths = Math.max(1, Math.round(Math.min(1, value / most) * width * 8));
  const rest = eighths % 8;
  return '█'.repeat(Math.floor(eighths / 8)) + (rest === 0 ? '' : EIGHTHS[rest]);
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** `▁▃▂▅█`: one character per number, the lowest for the minimum; a gap for anything that is not a number. */
export function sparkline(values: readonly unknown[]): string {
  const numbers = values.filter(isNumber);
  const least = Math.min(...numbers);
  const span = Math.max(...numbers) - least;
  return values
    .map((value) => {
      if (!isNumber(value)) return ' ';
      return LEVELS[span === 0 ? 3 : Math.round(((value - least) / span) * (LEVELS.length - 1))];
    })
    .join('');
}

/** Whether a cell is shown as a sparkline: a list of at least four numbers, gaps allowed. */
export function isSeries(value: unknown): value is unknown[] {
  return (
    Array.isArray(value) &&
    value.length <= 60 &&
    value.filter(isNumber).length >= 4 &&
    value.every((item) => item === null || isNumber(item))
  );
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
