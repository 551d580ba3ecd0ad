import { useComputed, useSignal, type ReadonlySignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { pauseAfterAnswer } from '../pace';
import { ask, Intercepted, isMissing, mayPass, Refused } from '../session';

export interface Answer<T> {
  /** The latest answer; null until the first one. */
  value: T | null;
  /** Why the latest question was not answered; null if it was. */
  problem: string | null;
  /** Whether `value` answers the present question, and not the one before. */
  isCurrent: boolean;
}

interface Kept<T> {
  value: T | null;
  problem: string | null;
  /** The question that `value` answers. */
  question: string | null;
}

/** What follows a run is asked for again this long after the last answer; longer if that took long. */
const PAUSE_MS = 1_000;

/** So many if the answer is about an earlier moment. */
const PAUSES_IF_OLD = 2;

interface Options<T> {
  body?: unknown;
  everyMs?: number;
  version?: number;
  versionOf?: (value: T) => number;
}

/**
 * Asks again whenever the question changes, and keeps the last answer until the next has come. `version`:
 * also when what was asked about has changed; `versionOf` returns the version that an answer is about, if
 * that may be an older one. `everyMs`: also repeatedly, while the page is looked at, unless what it asks
 * about does not exist. `path` null: asks nothing.
 */
export function useAnswer<T>(path: string | null, options: Options<T> = {}): Answer<T> {
  const { answer, question } = useAsked(path, options);
  const { value, problem, question: answered } = answer.value;
  return { value, problem, isCurrent: answered === question };
}

/**
 * The latest answer, like `useAnswer`, for a component that only passes it on and need not be rendered again
 * when it changes.
 */
export function useAnswerSignal<T>(path: string | null, options: Options<T>): ReadonlySignal<T | null> {
  const { answer } = useAsked(path, options);
  return useComputed(() => answer.value.value);
}

function useAsked<T>(
  path: string | null,
  { body, everyMs = 0, version = 0, versionOf }: Options<T>,
): { answer: ReadonlySignal<Kept<T>>; question: string } {
  const answer = useSignal<Kept<T>>({ value: null, problem: null, question: null });
  const text = body === undefined ? undefined : JSON.stringify(body);
  const question = `${path} ${text}`;
  const latest = useRef(version);
  const wake = useRef<() => void>(() => {});
  latest.current = version;

  useEffect(() => {
    if (path === null) return undefined;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let answered: number | null = null;
    let isAsking = false;
    let pause = PAUSE_MS;
    const load = async (): Promise<void> => {
      if (isAsking || document.hidden) return later(PAUSE_MS);
      isAsking = true;
      const begin = performance.now();
      let hasFailed = false;
      let isGone = false;
      let about = latest.current;
      try {
        const value = await ask<T>(path, {
          body: text === undefined ? undefined : JSON.parse(text),
          signal: stop.signal,
        });
        about = versionOf?.(value) ?? about;
        if (!stop.signal.aborted) answer.value = { value, problem: null, question };
      } catch (error) {
        const problem = problemOf(error);
        if (!stop.signal.aborted) answer.value = { ...answer.peek(), problem };
        hasFailed = mayPass(error);
        isGone = isMissing(error);
      }
      isAsking = false;
      answered = about;
      pause = pauseAfterAnswer(performance.now() - begin, PAUSE_MS);
      // Soon, it would be answered with what is kept for a while.
      if (latest.current !== answered || hasFailed) later(PAUSES_IF_OLD * pause);
      else if (everyMs > 0 && !isGone) later(Math.max(everyMs, pause));
    };
    const later = (ms: number): void => {
      if (stop.signal.aborted) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        timer = undefined;
        void load();
      }, ms);
    };
    wake.current = () => {
      // A timer that is already set is not put off: a busy run changes all the time.
      if (!isAsking && answered !== null && timer === undefined) later(pause);
    };
    void load();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, text, everyMs]);
  useEffect(() => wake.current(), [version]);
  return { answer, question };
}

/** A sentence about why a question was not answered. */
export function problemOf(error: unknown): string {
  if (error instanceof Refused || error instanceof Intercepted) return error.message;
  return 'The console does not answer. Start it again with: partwise console';
}
