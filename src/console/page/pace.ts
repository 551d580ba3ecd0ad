/** How often a page that follows a run does what: less often where it takes long, so the run has the time. */

/** Nothing that has changed is waited for longer. */
const MAX_PAUSE_MS = 5_000;
/** A question that takes this long is not asked for ten times as long. */
const PAUSE_PER_WAIT = 10;
/** What drawing takes longer than this is work, and not the wait for the screen. */
const FRAME_MS = 17;
/** A browser that draws less often is not waited for. */
const MAX_FRAME_MS = 1_000;
const PAUSE_PER_DRAWING = 60;

/** Milliseconds until a question is asked again that was answered after so many, but at least `least`. */
export function pauseAfterAnswer(ms: number, least: number): number {
  return Math.min(Math.max(least, PAUSE_PER_WAIT * ms), Math.max(least, MAX_PAUSE_MS));
}

/** A run of a million is drawn every two seconds: nobody follows its single partitions. */
const PARTITIONS_PER_MS = 500;
const MAX_LEAST_MS = 2_000;

/** Resolves once what has just changed of a run of this size is drawn, and the page has rested for it. */
export async function restAfterDrawing(partitions: number): Promise<void> {
  const begin = performance.now();
  // A page in the background draws nothing.
  if (!document.hidden) await nextFrame();
  const worked = Math.max(0, performance.now() - begin - FRAME_MS);
  const least = Math.min(partitions / PARTITIONS_PER_MS, MAX_LEAST_MS);
  await untilSeen(Math.max(least, Math.min(PAUSE_PER_DRAWING * worked, MAX_PAUSE_MS)));
}

/** Resolves at the end of the next frame; when the page is hidden, or after a while, if there is none. */
function nextFrame(): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', done);
      resolve();
    };
    const timer = setTimeout(done, MAX_FRAME_MS);
    document.addEventListener('visibilitychange', done);
    requestAnimationFrame(() => setTimeout(done));
  });
}

/** Resolves after `ms`; at once when the page is looked at again. */
function untilSeen(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', check);
      resolve();
    };
    const check = (): void => {
      if (!document.hidden) done();
    };
    const timer = setTimeout(done, ms);
    document.addEventListener('visibilitychange', check);
  });
}
