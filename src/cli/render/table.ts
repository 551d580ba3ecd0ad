/**
 * Aligned columns that fit the terminal: wide cells are truncated, and columns that do not fit are named
 * below.
 */
import type { Paint } from '../../display/paint';
import { cut, cutMiddle, widthOf } from '../../display/text';

export interface TableColumn {
  name: string;
  align?: 'left' | 'right';
  /** Never cut, because its cells are copied into commands. */
  whole?: boolean;
  /** Cut in the middle, to no less than this width: both ends of a run id distinguish it from others. */
  middleCutTo?: number;
}

/** A cell: its text, optionally with a colour. */
export type Cell = string | { text: string; colour: (text: string) => string };

/** Narrowest column of run ids that are not copied from it: those of a schedule differ at the end. */
export const RUN_ID_WIDTH = 24;

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
  const natural = columns.map(({ name, whole, middleCutTo }, i) => {
    const most = whole === true || middleCutTo !== undefined ? Infinity : widest;
    return Math.min(
      most,
      rows.reduce((all, row) => Math.max(all, widthOf(textOf(row[i]), most)), widthOf(name)),
    );
  });
  const widths = fit(natural, width, columns);
  const head = widths.map((columnWidth, i) => paint.dim(cut(columns[i]!.name, columnWidth)));
  const body = rows.map((row) => widths.map((columnWidth, i) => coloured(row[i], columnWidth, columns[i]!)));
  const lines = [head, ...body].map((cells) =>
    cells
      .map((cell, i) => padded(cell, widths[i]!, columns[i]!.align ?? 'left'))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
  const left = columns.slice(widths.length).map(({ name }) => name);
  if (left.length > 0) lines.push(paint.dim(cut(`more columns: ${left.join(', ')}`, width)));
  return lines.join('\n');
}

/** Pads a cell, which may have colours, to its column. */
function padded(text: string, width: number, align: 'left' | 'right'): string {
  const gap = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'left' ? text + gap : gap + text;
}

/** Narrows the widest columns first; drops the last columns if even the narrowest widths do not fit. */
function fit(natural: readonly number[], width: number, columns: readonly TableColumn[]): number[] {
  const widths = [...natural];
  const least = widths.map((each, i) => leastWidth(each, columns[i]!));
  let total = widths.reduce((sum, n) => sum + n + GAP, -GAP);
  for (; total > width; total--) {
    const narrowable = widths.map((each, i) => (each > least[i]! ? each : 0));
    const widest = Math.max(...narrowable);
    if (widest > 0) widths[narrowable.lastIndexOf(widest)] = widest - 1;
    else return widths.length > 1 ? fit(natural.slice(0, -1), width, columns) : widths;
  }
  return widths;
}

function leastWidth(natural: number, { whole = false, middleCutTo = MIN_CELL_WIDTH }: TableColumn): number {
  return whole ? natural : Math.min(natural, middleCutTo);
}

function textOf(cell: Cell | undefined): string {
  return typeof cell === 'object' ? cell.text : (cell ?? '');
}

function coloured(cell: Cell | undefined, width: number, { middleCutTo }: TableColumn): string {
  const text = (middleCutTo === undefined ? cut : cutMiddle)(textOf(cell), width);
  return typeof cell === 'object' ? cell.colour(text) : text;
}
