const LEVELS = '▁▂▃▄▅▆▇█';

/** `▁▃▂▅█`: one character per number, the least the lowest; a gap for what is no number. */
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

/** Whether a cell is better seen than read: a list of at least four numbers, gaps allowed. */
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
