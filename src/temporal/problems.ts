/** What went wrong with Temporal, as a sentence: where, and what to do next. */
export class TemporalUnavailable extends Error {
  override name = 'TemporalUnavailable';
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
