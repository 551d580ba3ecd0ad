/** Temporal cannot be used. The message states where the problem is and what to do. */
export class TemporalUnavailable extends Error {
  override name = 'TemporalUnavailable';
}

const GRPC_PERMISSION_DENIED = 7;
const GRPC_UNAUTHENTICATED = 16;

/** Whether a server did not allow a request. */
export function isDenied(error: unknown): error is Error & { code: number } {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === GRPC_PERMISSION_DENIED || code === GRPC_UNAUTHENTICATED;
}

/** The server's words, without the code that gRPC puts before them. */
export function detailsOf(error: Error): string {
  return (error as { details?: string }).details || error.message;
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
