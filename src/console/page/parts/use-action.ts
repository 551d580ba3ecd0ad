import { useState } from 'preact/hooks';
import { ask } from '../session';
import { problemOf } from './use-answer';

export interface ActionState<T> {
  /** Asks the console to do it. Resolves with its answer, or null if it was refused. */
  act(path: string, body: unknown): Promise<{ answer: T } | null>;
  isActing: boolean;
  /** Why the last one was refused, in the library's own sentence. */
  problem: string | null;
}

/** Something that the page has the console do, once at a time. */
export function useAction<T>(): ActionState<T> {
  const [isActing, setActing] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const act = async (path: string, body: unknown): Promise<{ answer: T } | null> => {
    setActing(true);
    setProblem(null);
    try {
      return { answer: await ask<T>(path, { body }) };
    } catch (error) {
      setProblem(problemOf(error));
      return null;
    } finally {
      setActing(false);
    }
  };
  return { act, isActing, problem };
}
