import { encodeJson } from './json';

/** Temporal's UI shows it, and history keeps it. */
const PREVIEW_BYTES = 1024;

/** The first kibibyte of the result as JSON text; null when there is nothing to show. */
export function previewOf(result: unknown): string | null {
  if (result === null || result === undefined) return null;
  const shown = Array.isArray(result) ? result.slice(0, 20) : result;
  const buffer = Buffer.from(encodeJson(shown, 'The result'));
  if (buffer.length <= PREVIEW_BYTES) return buffer.toString('utf8');
  return `${buffer
    .subarray(0, PREVIEW_BYTES - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
