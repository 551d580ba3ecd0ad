/** What a partition's calls printed: its end first, a page at a time, searched on the server. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { LogPage, LogPageLine, LogPageOptions } from '../../..';
import { bytesText } from '../../../display/measures';
import { query, setQuery } from '../address';
import { problemOf } from '../parts/use-answer';
import { ask } from '../session';
import { spansOf } from '../sgr';
import { plural, shown, time } from '../words';

const REFRESH_MS = 1_000;
/** Lines that are kept on the page. */
const MAX_LINES = 5_000;

export function LogsPanel({ path, isOpen }: { path: string; isOpen: boolean }) {
  const wanted = Number(query.value.get('line') ?? Number.NaN);
  const [search, setSearch] = useState('');
  const [stream, setStream] = useState<'stdout' | 'stderr' | ''>('');
  const { lines, page, problem, load } = useLog(path, { search, stream, wanted }, isOpen);
  const isWhole = page !== null && page.previous === null && page.atEnd;
  return (
    <section class="panel" aria-label="Logs">
      <h2>
        Logs{' '}
        {page !== null && (
          <span class="faint">
            {isWhole && search === '' && stream === ''
              ? plural(lines.length, 'line')
              : `${plural(lines.length, 'line')} shown, ${bytesText(page.totalBytes)} in all`}
          </span>
        )}
      </h2>
      <div class="filters">
        <label>
          <span class="hidden">Search in the log</span>
          <input
            type="search"
            placeholder="Search in the log"
            onChange={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <label>
          <span class="hidden">Stream</span>
          <select
            value={stream}
            onChange={(event) => setStream(event.currentTarget.value as 'stdout' | 'stderr' | '')}
          >
            <option value="">stdout and stderr</option>
            <option>stdout</option>
            <option>stderr</option>
          </select>
        </label>
        {page?.previous != null && (
          <button type="button" onClick={() => void load('earlier')}>
            Earlier lines
          </button>
        )}
        {page?.atEnd === false && (
          <button type="button" onClick={() => void load('later')}>
            Later lines
          </button>
        )}
      </div>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {page === null && problem === null && <div class="shape strip-shape" role="img" aria-label="Loading" />}
      {page !== null && lines.length === 0 && (
        <p class="empty">
          {search === ''
            ? isOpen
              ? 'Nothing has been printed yet.'
              : 'Nothing was printed.'
            : page.previous === null
              ? 'No line has this text.'
              : 'Not found so far: look at earlier lines.'}
        </p>
      )}
      {lines.length > 0 && <Lines lines={lines} wanted={wanted} />}
    </section>
  );
}

function Lines({ lines, wanted }: { lines: readonly LogPageLine[]; wanted: number }) {
  const hasSeveral = lines.some((line) => isOfOtherCall(line, lines[0]!));
  return (
    <ol class="log" tabIndex={0}>
      {lines.flatMap((line, i) => [
        hasSeveral && (i === 0 || isOfOtherCall(line, lines[i - 1]!)) ? (
          <li key={`before ${line.position}`} class="new-call">
            execution {line.execution}, attempt {line.attempt}
          </li>
        ) : null,
        <li
          key={line.position}
          class={`${line.stream}${line.position === wanted ? ' wanted' : ''}`}
          title={`${time(line.at)}, execution ${line.execution}, attempt ${line.attempt}, ${line.stream}`}
        >
          <button
            type="button"
            class="line-number"
            aria-label="Link to this line"
            onClick={() => setQuery({ line: String(line.position) })}
          >
            {line.number ?? '·'}
          </button>
          <span>
            {spansOf(line.text).map(({ text, className }, at) =>
              className === null ? (
                shown(text)
              ) : (
                <span key={at} class={className}>
                  {shown(text)}
                </span>
              ),
            )}
          </span>
        </li>,
      ])}
    </ol>
  );
}

function isOfOtherCall(a: LogPageLine, b: LogPageLine): boolean {
  return a.attempt !== b.attempt || a.execution !== b.execution;
}

interface Choice {
  search: string;
  stream: 'stdout' | 'stderr' | '';
  /** Position of the line that a link leads to; NaN: the end of the log. */
  wanted: number;
}

function useLog(path: string, { search, stream, wanted }: Choice, isOpen: boolean) {
  const [lines, setLines] = useState<readonly LogPageLine[]>([]);
  const [page, setPage] = useState<LogPage | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const first = useRef(wanted);
  const wasOpen = useRef(isOpen);
  const filters: LogPageOptions = {
    ...(search !== '' && { search }),
    ...(stream !== '' && { stream }),
  };
  const question = JSON.stringify([path, filters]);
  const latest = useRef(question);
  latest.current = question;

  const [attempt, setAttempt] = useState(0);
  const isAsking = useRef(false);

  const load = async (which: 'end' | 'earlier' | 'later'): Promise<void> => {
    if (isAsking.current && which !== 'end') return;
    isAsking.current = true;
    const opened: LogPageOptions =
      Number.isNaN(first.current) || search !== '' ? {} : { after: first.current - 1 };
    const place: LogPageOptions =
      which === 'earlier' ? { before: page!.previous! } : which === 'later' ? { after: page!.next } : opened;
    try {
      const found = await ask<LogPage>(path, { body: { ...filters, ...place } });
      if (latest.current !== question) return;
      setProblem(null);
      if (which === 'end') {
        setLines(found.lines);
        setPage(found);
      } else if (which === 'later') {
        const all = [...lines, ...found.lines];
        const kept = all.slice(-MAX_LINES);
        setLines(kept);
        setPage({ ...found, previous: kept.length < all.length ? kept[0]!.position : page!.previous });
      } else {
        const all = [...found.lines, ...lines];
        const kept = all.slice(0, MAX_LINES);
        setLines(kept);
        const isCut = kept.length < all.length;
        setPage({
          ...page!,
          previous: found.previous,
          next: isCut ? kept.at(-1)!.position : page!.next,
          atEnd: isCut ? false : page!.atEnd,
        });
      }
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      isAsking.current = false;
      setAttempt((n) => n + 1);
    }
  };
  useEffect(() => {
    void load('end');
  }, [question]);
  // The last lines of a partition are written before it ends, so it is read once more then.
  useEffect(() => {
    if (page === null || !page.atEnd || (!isOpen && !wasOpen.current)) return undefined;
    const timer = setTimeout(() => {
      wasOpen.current = isOpen;
      if (document.hidden) setAttempt((n) => n + 1);
      else void load('later');
    }, REFRESH_MS);
    return () => clearTimeout(timer);
  }, [isOpen, attempt]);
  return { lines, page, problem, load };
}
