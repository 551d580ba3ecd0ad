/** Draws a forecast against the actual values, as an SVG file. Pure. */

export interface ForecastPicture {
  title: string;
  /** In ascending order, one per value. */
  times: readonly Date[];
  /** The actual values; null if unknown. */
  truth: readonly (number | null)[];
  prediction: readonly (number | null)[];
  /** The values of a simpler forecast, if there is one. */
  baseline?: readonly (number | null)[];
}

const WIDTH = 1200;
const HEIGHT = 360;
const LEFT = 50;
const TOP = 50;
const RIGHT = WIDTH - 20;
const BOTTOM = HEIGHT - 40;

/**
 * Draws lines over time: the truth, the prediction, and a baseline.
 *
 * ```ts
 * writeFileSync('LAX.svg', forecastPicture({ title: 'LAX', times, truth, prediction }));
 * ```
 */
export function forecastPicture({ title, times, truth, prediction, baseline }: ForecastPicture): string {
  const series = [
    ...(baseline === undefined ? [] : [{ name: 'baseline', values: baseline, colour: '#c9a227', width: 1 }]),
    { name: 'truth', values: truth, colour: '#444', width: 1.5 },
    { name: 'prediction', values: prediction, colour: '#0b6bcb', width: 1.5 },
  ];
  const known = series.flatMap(({ values }) => values.filter((value) => value !== null));
  const lowest = known.reduce((a, b) => Math.min(a, b), 0);
  const highest = known.reduce((a, b) => Math.max(a, b), 1);
  const first = times[0]?.getTime() ?? 0;
  const span = Math.max(1, (times.at(-1)?.getTime() ?? 1) - first);
  const x = (time: Date): string => (LEFT + ((time.getTime() - first) / span) * (RIGHT - LEFT)).toFixed(1);
  const y = (value: number): string =>
    (BOTTOM - ((value - lowest) / (highest - lowest)) * (BOTTOM - TOP)).toFixed(1);
  const lines = series.map(({ values, colour, width }) => {
    let pen = 'M';
    const path = values.flatMap((value, i) => {
      const time = times[i];
      if (value === null || time === undefined) {
        pen = 'M';
        return [];
      }
      const step = `${pen}${x(time)},${y(value)}`;
      pen = 'L';
      return [step];
    });
    return `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="${width}"/>`;
  });
  const legend = series.map(
    ({ name, colour }, i) =>
      `<text x="${RIGHT - 100 * (series.length - i)}" y="28" fill="${colour}">${name}</text>`,
  );
  const marks = [lowest, (lowest + highest) / 2, highest].map(
    (value) =>
      `<text x="${LEFT - 6}" y="${y(value)}" text-anchor="end">${Number(value.toPrecision(3))}</text>` +
      `<path d="M${LEFT},${y(value)}H${RIGHT}" stroke="#ddd"/>`,
  );
  const days = weekly(times).map(
    (time) => `<text x="${x(time)}" y="${BOTTOM + 20}">${time.toISOString().slice(0, 10)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#444">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="28" font-size="16">${escaped(title)}</text>`,
    ...legend,
    ...marks,
    ...days,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}

/** The first time, and then about every seventh of the span. */
function weekly(times: readonly Date[]): Date[] {
  const every = Math.max(1, Math.floor(times.length / 7));
  return times.filter((_, i) => i % every === 0 && i + every / 2 < times.length);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
