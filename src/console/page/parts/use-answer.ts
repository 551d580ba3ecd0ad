import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, Intercepted, mayPass, Refused } from '../session';

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

/** What follows a run is asked for again this long after the last answer. */
const PAUSE_MS = 1_000;

/**
 * Asks again whenever the question changes, and keeps the last answer until the next has come. `version`:
 * also when what was asked about has changed; `versionOf` returns the version that an answer is about, if
 * that may be an older one. `everyMs`: also repeatedly, while the page is looked at. `path` null: asks
 * nothing.
 */
export function useAnswer<T>(
  path: string | null,
  {
    body,
    everyMs = 0,
    version = 0,
    versionOf,
  }: { body?: unknown; everyMs?: number; version?: number; versionOf?: (value: T) => number } = {},
): Answer<T> {
  const [answer, setAnswer] = useState<Kept<T>>({ value: null, problem: null, question: null });
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
    const load = async (): Promise<void> => {
      if (isAsking || document.hidden) return later(PAUSE_MS);
      isAsking = true;
      let hasFailed = false;
      let about = latest.current;
      try {
        const value = await ask<T>(path, {
          body: text === undefined ? undefined : JSON.parse(text),
          signal: stop.signal,
        });
        about = versionOf?.(value) ?? about;
        if (!stop.signal.aborted) setAnswer({ value, problem: null, question });
      } catch (error) {
        const problem = problemOf(error);
        if (!stop.signal.aborted) setAnswer((before) => ({ ...before, problem }));
        hasFailed = mayPass(error);
      }
      isAsking = false;
      answered = about;
      if (latest.current !== answered || hasFailed) later(PAUSE_MS);
      else if (everyMs > 0) later(everyMs);
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
      if (!isAsking && answered !== null && timer === undefined) later(PAUSE_MS);
    };
    void load();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, text, everyMs]);
  useEffect(() => wake.current(), [version]);
  const { value, problem } = answer;
  return { value, problem, isCurrent: answer.question === question };
}

/** A sentence about why a question was not answered. */
export function problemOf(error: unknown): string {
  if (error instanceof Refused || error instanceof Intercepted) return error.message;
  return 'The console does not answer. Start it again with: partwise console';
}
