/** Temporal cannot be used. The message states where the problem is and what to do. */
export class TemporalUnavailable extends Error {
  override name = 'TemporalUnavailable';
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
