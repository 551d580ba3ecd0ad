/** Light and dark: the reader's choice, else the system's. */
import { signal } from '@preact/signals';
import { PARTITION_STATUSES, type PartitionStatus } from '../../core/status';

const STORED = 'partwise-theme';
const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const system = matchMedia('(prefers-color-scheme: dark)');
export const theme = signal<Theme>(THEMES.find((each) => each === localStorage.getItem(STORED)) ?? 'system');

/** Changes whenever colours do, so that pictures are drawn again. */
export const palette = signal<Palette>({ statuses: [], names: {} });

/** Colours of pictures as 0xAABBGGRR, which is how a canvas stores them. */
export interface Palette {
  /** In the order of `PARTITION_STATUSES`. */
  statuses: readonly number[];
  /** Other colours by the name of their custom property. */
  names: Readonly<Record<string, number>>;
}

const OTHERS = ['surface', 'ink', 'faint', 'line', 'scale-low', 'scale-high', 'mark', 'worse'] as const;

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
  localStorage.setItem(STORED, theme.value);
  applyTheme();
}

export function applyTheme(): void {
  const dark = theme.value === 'dark' || (theme.value === 'system' && system.matches);
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): number => packed(style.getPropertyValue(`--${name}`).trim());
  palette.value = {
    statuses: PARTITION_STATUSES.map((status: PartitionStatus) => colour(`status-${status.toLowerCase()}`)),
    names: Object.fromEntries(OTHERS.map((name) => [name, colour(name)])),
  };
}

system.addEventListener('change', applyTheme);

function packed(hex: string): number {
  const value = Number.parseInt(hex.slice(1), 16);
  return (0xff00_0000 | ((value & 0xff) << 16) | (value & 0xff00) | (value >>> 16)) >>> 0;
}

/** `#rrggbb` of a packed colour. */
export function css(colour: number): string {
  const swapped = ((colour & 0xff) << 16) | (colour & 0xff00) | ((colour >>> 16) & 0xff);
  return `#${swapped.toString(16).padStart(6, '0')}`;
}
