/** What happens to a run: from a stream, or asked for repeatedly while other tabs have all the streams. */
import { events, file, request, type ServerEvent } from './session';

/**
 * A browser opens at most six connections to a server, for all its tabs together. Streams use at most this
 * many, so that two are left for requests.
 */
const MAX_STREAMS = 4;
/** How often a tab without a stream asks. */
const POLL_MS = 2_000;

/** Ends with the stream. `path`: of a path below the run's. */
export async function* runEvents(
  path: (rest: string) => string,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  for (;;) {
    const giveBack = file === null ? await takeStream() : () => {};
    if (giveBack !== null) {
      try {
        yield* events(path('/stream'), signal);
      } finally {
        giveBack();
      }
      return;
    }
    yield { event: 'run', data: await (await request(path(''), { signal })).text() };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Takes one of the browser's streams. Resolves with what gives it back; null: other tabs have them all. */
async function takeStream(): Promise<(() => void) | null> {
  // Tabs cannot agree on anything when the page comes from another machine without TLS.
  if (!isSecureContext) return null;
  for (let i = 0; i < MAX_STREAMS; i++) {
    const giveBack = await takeLock(`stream ${i}`);
    if (giveBack !== null) return giveBack;
  }
  return null;
}

/** The browser gives the lock back when the tab is closed. */
function takeLock(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) return resolve(null);
        return new Promise<void>((giveBack) => resolve(giveBack));
      })
      .catch(reject);
  });
}
