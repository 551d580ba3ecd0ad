/** The console's colours by computation: read from its style sheet, for ordinary and colour-blind eyes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PARTITION_STATUSES } from '../src/core/status';
import { pageModule } from './support/page-module';
import { REPOSITORY } from './support/project';

/** Typed here: the module's own types need those of a browser. */
const { groupColour } = pageModule<{ groupColour(value: number): number }>('pictures/colours.ts');

type Triple = [number, number, number];

const SHEET = readFileSync(join(REPOSITORY, 'src/console/page/app.css'), 'utf8');

/** Values by name; those that a theme does not set are the light ones. */
function paletteOf(theme: string): Record<string, string> {
  const values = ['light', theme].flatMap((name) => {
    const [, block] = new RegExp(`\\[data-theme='${name}'\\] \\{([^}]*)\\}`).exec(SHEET)!;
    return [...block!.matchAll(/--([\w-]+): ([^;]*);/g)].map(([, key, value]) => [key!, value!] as const);
  });
  const found = Object.fromEntries(values);
  return Object.fromEntries(
    Object.entries(found).map(([key, value]) => [key, found[/^var\(--(.*)\)$/.exec(value)?.[1] ?? key]!]),
  );
}

/** Linear light. */
function linear(hex: string): Triple {
  return [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as Triple;
}

function times(matrix: readonly Triple[], [a, b, c]: Triple): Triple {
  return matrix.map(([x, y, z]) => x * a + y * b + z * c) as Triple;
}

/** WCAG's contrast of two colours, from 1 to 21. */
function contrast(one: string, other: string): number {
  const [dark, light] = [one, other]
    .map((hex) => times([[0.2126, 0.7152, 0.0722]], linear(hex))[0])
    .sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Machado, Oliveira and Fernandes 2009, severity 1. */
const VISION: Readonly<Record<string, readonly Triple[]>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const TO_XYZ: readonly Triple[] = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];
const WHITE: Triple = [0.95047, 1, 1.08883];

function lab(colour: Triple): Triple {
  const clipped = colour.map((value) => Math.min(1, Math.max(0, value))) as Triple;
  const [x, y, z] = times(TO_XYZ, clipped).map((value, i) => {
    const t = value / WHITE[i]!;
    return t > 216 / 24_389 ? Math.cbrt(t) : (t * 24_389) / 27 / 116 + 16 / 116;
  }) as Triple;
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** CIEDE2000. */
function difference([l1, a1, b1]: Triple, [l2, a2, b2]: Triple): number {
  const rad = Math.PI / 180;
  const seventh = (c: number): number => Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7));
  const g = 0.5 * (1 - seventh((Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2));
  const polar = (a: number, b: number): [chroma: number, hue: number] => {
    const ap = a * (1 + g);
    return [Math.hypot(ap, b), ap === 0 && b === 0 ? 0 : (Math.atan2(b, ap) / rad + 360) % 360];
  };
  const [c1, h1] = polar(a1, b1);
  const [c2, h2] = polar(a2, b2);
  const turn = h2 - h1 > 180 ? h2 - h1 - 360 : h2 - h1 < -180 ? h2 - h1 + 360 : h2 - h1;
  const dh = 2 * Math.sqrt(c1 * c2) * Math.sin(((c1 * c2 === 0 ? 0 : turn) * rad) / 2);
  const l = (l1 + l2) / 2;
  const c = (c1 + c2) / 2;
  const sum = h1 + h2;
  const h = c1 * c2 === 0 ? sum : Math.abs(h1 - h2) <= 180 ? sum / 2 : (sum + (sum < 360 ? 360 : -360)) / 2;
  const cosine = (factor: number, shift: number): number => Math.cos((factor * h + shift) * rad);
  const t = 1 - 0.17 * cosine(1, -30) + 0.24 * cosine(2, 0) + 0.32 * cosine(3, 6) - 0.2 * cosine(4, -63);
  const sl = 1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2);
  const [dl, dc, dH] = [(l2 - l1) / sl, (c2 - c1) / (1 + 0.045 * c), dh / (1 + 0.015 * c * t)];
  const rotation = -Math.sin(60 * Math.exp(-(((h - 275) / 25) ** 2)) * rad) * 2 * seventh(c);
  return Math.sqrt(dl ** 2 + dc ** 2 + dH ** 2 + rotation * dc * dH);
}

it('computes differences as the paper on CIEDE2000 does', () => {
  const pairs: [Triple, Triple, number][] = [
    [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
    [[50, 2.5, 0], [73, 25, -18], 27.1492],
    [[60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644],
    [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
  ];
  for (const [one, other, expected] of pairs) expect(difference(one, other)).toBeCloseTo(expected, 4);
});

const nameOf = (status: string): string => `status-${status.toLowerCase()}`;

describe.each(['light', 'dark'])('the %s palette', (theme) => {
  const palette = paletteOf(theme);
  const statuses = PARTITION_STATUSES.map((status) => palette[nameOf(status)]!);

  it.each(Object.keys(VISION))('has statuses that are 15 or more apart, with %s vision', (vision) => {
    const seen = statuses.map((hex) => lab(times(VISION[vision]!, linear(hex))));
    const near = seen.flatMap((one, i) =>
      seen.slice(i + 1).flatMap((other, k) => {
        const apart = difference(one, other);
        return apart >= 15 ? [] : [`${PARTITION_STATUSES[i]} ${PARTITION_STATUSES[i + 1 + k]} ${apart}`];
      }),
    );
    expect(near).toEqual([]);
  });

  it('has text of at least 4.5:1 on every background', () => {
    const texts = PARTITION_STATUSES.map(
      (status) => palette[`text-${status.toLowerCase()}`] ?? palette[nameOf(status)]!,
    );
    const poor = [...texts, ...['ink', 'faint', 'link', 'warning'].map((name) => palette[name]!)].filter(
      (text) => ['surface', 'raised'].some((name) => contrast(text, palette[name]!) < 4.5),
    );
    expect(poor).toEqual([]);
  });

  it('has marks of at least 3:1, or an edge around them that is', () => {
    const pale = PARTITION_STATUSES.filter((_, i) => contrast(statuses[i]!, palette['surface']!) < 3);
    // What has not ended or was left out may be pale: these are what a glance should not stop at.
    expect(['PENDING', 'RUNNING', 'SKIPPED']).toEqual(expect.arrayContaining(pale));
    expect(contrast(palette['edge']!, palette['surface']!)).toBeGreaterThanOrEqual(3);
    for (const name of ['mark', 'scale-high'])
      expect(contrast(palette[name]!, palette['surface']!)).toBeGreaterThanOrEqual(3);
  });
});

it('has colours of the causes in the legend that can be told apart', () => {
  const hexOf = (colour: number): string =>
    `#${[0, 8, 16].map((shift) => ((colour >>> shift) & 0xff).toString(16).padStart(2, '0')).join('')}`;
  const seen = Array.from({ length: 8 }, (_, i) => lab(linear(hexOf(groupColour(i + 1)))));
  const apart = seen.flatMap((one, i) => seen.slice(i + 1).map((other) => difference(one, other)));
  expect(Math.min(...apart)).toBeGreaterThanOrEqual(15);
});
