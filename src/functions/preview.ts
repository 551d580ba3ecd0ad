import { showJson } from '../core/json';

/** Temporal's UI shows the preview, and history keeps it. */
const PREVIEW_BYTES = 1024;
/** More rows would not fit. */
const MAX_ROWS = 20;

/**
 * The first kibibyte of the result as JSON text, or null if there is nothing to show. The result must be
 * storable.
 */
export function previewOf(result: unknown): string | null {
  if (result === null || result === undefined) return null;
  const shown = Array.isArray(result) ? result.slice(0, MAX_ROWS).map(cellsOf) : cellsOf(result);
  const buffer = Buffer.from(showJson(shown));
  if (buffer.length <= PREVIEW_BYTES) return buffer.toString('utf8');
  return `${buffer
    .subarray(0, PREVIEW_BYTES - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}

/**
 * A row by its columns, as it is stored: without calling its `toJSON`, and with long strings cut to what is
 * shown.
 */
function cellsOf(row: unknown): unknown {
  return Object.fromEntries(
    Object.entries(row as object).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' ? value.slice(0, PREVIEW_BYTES) : value,
    ]),
  );
}
