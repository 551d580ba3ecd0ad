/** Pages of the table, as they are scrolled to. They are replaced one by one when the run has changed. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PartitionFilter, TableAnswer, TableRow } from '../wire/types';
import { filter, sort } from './filter';
import { pauseAfterAnswer } from './pace';
import { problemOf } from './parts/use-answer';
import type { RunStore } from './run-store';
import { ask, mayPass } from './session';

const PAGE = 200;
/** Pages that are kept: far more than a screen. */
const KEPT = 40;
/** How long after a change the visible rows are asked for again; longer if the last answer took long. */
const REFRESH_MS = 500;

export function usePages(store: RunStore, version: number) {
  const pages = useRef(new Map<number, { rows: TableRow[]; version: number }>());
  const asked = useRef(new Set<string>());
  const visible = useRef<readonly [number, number]>([0, PAGE]);
  /** Milliseconds until the last answer, or until there was none. */
  const waited = useRef(0);
  const [answer, setAnswer] = useState<(TableAnswer & { filter: PartitionFilter }) | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const body = { filter: filter.value, sort: sort.value };
  const latest = useRef({ question: '', version });
  const question = JSON.stringify(body);
  if (latest.current.question !== question) pages.current.clear();
  latest.current = { question, version };

  const load = async (page: number): Promise<void> => {
    const key = `${page} ${question}`;
    if (asked.current.has(key)) return;
    asked.current.add(key);
    const begin = performance.now();
    try {
      const next = await ask<TableAnswer>(store.path('/table'), {
        body: { ...body, offset: page * PAGE, limit: PAGE },
      });
      if (question !== latest.current.question) return;
      pages.current.set(page, { rows: next.rows, version: next.version });
      if (pages.current.size > KEPT) pages.current.delete(pages.current.keys().next().value!);
      waited.current = performance.now() - begin;
      setProblem(null);
      setAnswer({ ...next, filter: body.filter });
      // The run changed while this was asked for, and that change found it being asked for.
      if (next.version < latest.current.version) refresh();
    } catch (error) {
      setProblem(problemOf(error));
      waited.current = performance.now() - begin;
      if (mayPass(error)) refresh();
    } finally {
      asked.current.delete(key);
    }
  };
  const loadVisible = (): void => {
    const [from, to] = visible.current;
    for (let page = Math.floor(from / PAGE); page <= Math.floor(Math.max(from, to - 1) / PAGE); page++)
      if (pages.current.get(page)?.version !== latest.current.version) void load(page);
  };
  const loadLatest = useRef(loadVisible);
  loadLatest.current = loadVisible;
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  /** A timer that is already set is not put off: a busy run changes all the time. */
  const refresh = (): void => {
    timer.current ??= setTimeout(
      () => {
        timer.current = undefined;
        loadLatest.current();
      },
      pauseAfterAnswer(waited.current, REFRESH_MS),
    );
  };
  useEffect(() => {
    if (pages.current.size === 0) loadVisible();
    else refresh();
  }, [question, version]);
  useEffect(() => () => clearTimeout(timer.current), []);

  return {
    answer,
    /** Whether the answer is about the present filter, and not the one before. */
    isCurrent: answer?.filter === body.filter,
    problem,
    show: (from: number, to: number): void => {
      visible.current = [from, to];
      loadVisible();
    },
    rowAt: (index: number): TableRow | null =>
      pages.current.get(Math.floor(index / PAGE))?.rows[index % PAGE] ?? null,
  };
}
