/**
 * Aligned columns that fit the terminal: wide cells are truncated, and columns that do not fit are named
 * below.
 */
import Table from 'cli-table3';
import type { Paint } from '../../display/paint';
import { cut, widthOf } from '../../display/text';

export interface TableColumn {
  name: string;
  align?: 'left' | 'right';
  /** Never cut, because its cells are copied into commands. */
  whole?: boolean;
}

/** A cell: its text, optionally with a colour. */
export type Cell = string | { text: string; colour: (text: string) => string };

const GAP = 2;
const MAX_CELL_WIDTH = 60;
const MIN_CELL_WIDTH = 8;

/** Returns the table without a trailing line feed. */
export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly Cell[][],
  width: number,
  paint: Paint,
): string {
  const widest = Number.isFinite(width) ? MAX_CELL_WIDTH : Infinity;
  const natural = columns.map(({ name, whole }, i) => {
    const most = whole === true ? Infinity : widest;
    return Math.min(most, Math.max(widthOf(name), ...rows.map((row) => widthOf(textOf(row[i]), most))));
  });
  const widths = fit(natural, width, columns);
  const table = new Table({
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: columns.slice(0, widths.length).map(({ align }) => align ?? 'left'),
    colWidths: widths,
  });
  table.push(widths.map((columnWidth, i) => paint.dim(cut(columns[i]!.name, columnWidth))));
  for (const row of rows) table.push(widths.map((columnWidth, i) => coloured(row[i], columnWidth)));
  const lines = table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
  const left = columns.slice(widths.length).map(({ name }) => name);
  if (left.length > 0) lines.push(paint.dim(cut(`more columns: ${left.join(', ')}`, width)));
  return lines.join('\n');
}

/** Narrows the widest columns first; drops the last columns if even the narrowest widths do not fit. */
function fit(natural: readonly number[], width: number, columns: readonly TableColumn[]): number[] {
  const widths = [...natural];
  const total = (): number => widths.reduce((sum, n) => sum + n + GAP, -GAP);
  while (total() > width) {
    const narrowable = widths.map((each, i) => (columns[i]!.whole ? 0 : each));
    const widest = Math.max(...narrowable);
    if (widest > MIN_CELL_WIDTH) widths[narrowable.lastIndexOf(widest)] = widest - 1;
    else if (widths.length > 1) widths.pop();
    else break;
  }
  return widths;
}

function textOf(cell: Cell | undefined): string {
  return typeof cell === 'object' ? cell.text : (cell ?? '');
}

function coloured(cell: Cell | undefined, width: number): string {
  const text = cut(textOf(cell), width);
  return typeof cell === 'object' ? cell.colour(text) : text;
}

const NO_BORDERS = {
  ...Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
      .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'])
      .map((name) => [name, '']),
  ),
  middle: ' '.repeat(GAP),
};
