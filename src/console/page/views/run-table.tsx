/** The partitions that the filter selects, sorted, in a window that reaches all of them. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { PARTITION_STATUSES, type PartitionStatus } from '../../../core/status';
import { durationText } from '../../../display/measures';
import type { PartitionFilter, RunNow, SortColumn, TableAnswer, TableRow } from '../../wire/types';
import { setQuery } from '../address';
import { clearFilter, filter, isFiltered, rangeText, setStatuses, sort } from '../filter';
import { PartitionLink } from '../parts/partition-link';
import { nameOf } from '../parts/partition-name';
import { Save } from '../parts/save';
import { StatusMark } from '../parts/status';
import { Window } from '../parts/window';
import type { RunStore } from '../run-store';
import { problemOf } from '../parts/use-answer';
import { ask, file, request } from '../session';
import { GLYPHS, number, shown, time } from '../words';

const PAGE = 200;
const ROW_HEIGHT = 26;
/** Pages that are kept: far more than a screen. */
const KEPT = 40;
/** How long after a change the visible rows are asked for again. */
const REFRESH_MS = 500;

const COLUMNS: readonly { column: SortColumn; title: string; isNumber: boolean }[] = [
  { column: 'key', title: 'Partition', isNumber: false },
  { column: 'status', title: 'Status', isNumber: false },
  { column: 'took', title: 'Took', isNumber: true },
  { column: 'rows', title: 'Rows', isNumber: true },
  { column: 'returned', title: 'Returned', isNumber: true },
  { column: 'attempts', title: 'Calls', isNumber: true },
  { column: 'started', title: 'Started', isNumber: false },
  { column: 'group', title: 'Cause', isNumber: false },
];

export function TablePanel({ store, now }: { store: RunStore; now: RunNow }) {
  const { rowAt, show, answer, problem } = usePages(store, now.version);
  const [goTo, setGoTo] = useState<number | null>(null);
  const groups = new Map(now.groups.map((group) => [group.number, group]));
  const selected = answer?.selected ?? 0;

  return (
    <section class="table-panel" aria-label="Partitions">
      <h2>
        Partitions{' '}
        <span class="faint" aria-live="polite">
          {number(selected)} of {number(now.total)}
        </span>
      </h2>
      <div class="filters">
        {PARTITION_STATUSES.map((status) => (
          <StatusToggle key={status} status={status} count={now.state.counts[status]} />
        ))}
        {file?.isRedacted !== true && (
          <label>
            <span class="hidden">Text in the partition id</span>
            <input
              type="search"
              placeholder="Find in ids ( / )"
              value={filter.value.text ?? ''}
              data-key="/"
              onInput={(event) => setQuery({ q: event.currentTarget.value || null })}
            />
          </label>
        )}
        <Conditions conditions={filter.value} />
        {isFiltered.value && (
          <button type="button" onClick={clearFilter}>
            Show all
          </button>
        )}
        {(file === null ? (['csv', 'json'] as const) : []).map((format) => (
          <Save
            key={format}
            name={`${store.runId.replaceAll('/', '-')}.${format}`}
            label={`Save as ${format.toUpperCase()}`}
            load={() =>
              request(store.path('/download'), { body: { filter: filter.value, sort: sort.value, format } })
            }
          />
        ))}
        <form
          class="push"
          onSubmit={(event) => {
            event.preventDefault();
            const row = Number(new FormData(event.currentTarget).get('row'));
            if (Number.isInteger(row) && row >= 1) setGoTo(Math.min(row, selected) - 1);
          }}
        >
          <label>
            row <input name="row" inputMode="numeric" size={8} />
          </label>
        </form>
      </div>
      {problem !== null && <p class="refusal">{problem}</p>}
      <div class="grid-head" role="group" aria-label="Sort">
        {COLUMNS.map(({ column, title, isNumber }) => (
          <SortButton key={column} column={column} title={title} isNumber={isNumber} />
        ))}
      </div>
      <Window
        count={selected}
        rowHeight={ROW_HEIGHT}
        label={`${number(selected)} partitions`}
        goTo={goTo}
        onShow={show}
        row={(index) => {
          const row = rowAt(index);
          if (row === null) return <span class="faint">…</span>;
          const group = groups.get(row.group);
          return <Row row={row} runId={store.runId} cause={group?.pattern ?? group?.type ?? ''} />;
        }}
      />
      {selected === 0 && answer !== null && <p class="empty">No partition matches the filter.</p>}
    </section>
  );
}

function Row({ row, runId, cause }: { row: TableRow; runId: string; cause: string }) {
  const about = row.isExact ? '' : '≈ ';
  return (
    <PartitionLink runId={runId} partition={row} class="grid-row">
      <span title={row.id === null ? undefined : shown(row.id)}>{nameOf(row)}</span>
      <StatusMark status={row.status} />
      <span class="number">{row.took === null ? '' : `${about}${durationText(row.took)}`}</span>
      <span class="number">{`${about}${number(row.rows)}`}</span>
      <span class="number">{row.status === 'DONE' ? `${about}${number(row.returned)}` : ''}</span>
      <span class="number">{row.reused ? 'reused' : number(row.attempts)}</span>
      <span>{row.startedAt === null ? '' : time(row.startedAt)}</span>
      <span title={shown(cause)}>{shown(cause)}</span>
    </PartitionLink>
  );
}

function StatusToggle({ status, count }: { status: PartitionStatus; count: number }) {
  const chosen = filter.value.status ?? [];
  const isOn = chosen.includes(status);
  if (count === 0 && !isOn) return null;
  return (
    <button
      type="button"
      class={`toggle is-${status.toLowerCase()}`}
      aria-pressed={isOn}
      onClick={() => setStatuses(isOn ? chosen.filter((each) => each !== status) : [...chosen, status])}
    >
      <i aria-hidden="true">{GLYPHS[status]}</i> {status} {number(count)}
    </button>
  );
}

/** Conditions that were set in a picture, with a way to remove each. */
function Conditions({ conditions }: { conditions: PartitionFilter }) {
  const texts: Readonly<Record<string, string | undefined>> = {
    ordinals:
      conditions.ordinals &&
      `partitions ${number(conditions.ordinals[0])} to ${number(conditions.ordinals[1] - 1)}`,
    group: conditions.group === undefined ? undefined : `cause ${conditions.group}`,
    took: conditions.took && `took ${rangeText(conditions.took)} ms`,
    rows: conditions.rows && `rows ${rangeText(conditions.rows)}`,
    attempts: conditions.attempts && `calls ${rangeText(conditions.attempts)}`,
    returned: conditions.returned && `returned ${rangeText(conditions.returned)}`,
    execution: conditions.execution && `execution ${rangeText(conditions.execution)}`,
    reused: conditions.reused === undefined ? undefined : conditions.reused ? 'reused' : 'not reused',
  };
  return (
    <>
      {Object.entries(texts).map(([name, text]) =>
        text === undefined ? null : (
          <button key={name} type="button" class="condition" onClick={() => setQuery({ [name]: null })}>
            {text} <span aria-label="remove">×</span>
          </button>
        ),
      )}
    </>
  );
}

function SortButton({ column, title, isNumber }: { column: SortColumn; title: string; isNumber: boolean }) {
  const { value } = sort;
  const isChosen = value.column === column;
  const next =
    isChosen && value.descending ? null : isChosen ? `-${column}` : isNumber ? `-${column}` : column;
  const after = isChosen && value.descending && isNumber ? column : next;
  return (
    <button
      type="button"
      class={isNumber ? 'number' : ''}
      aria-pressed={isChosen}
      onClick={() => setQuery({ sort: after === 'key' ? null : after })}
    >
      {title} {isChosen ? (value.descending ? '↓' : '↑') : ''}
    </button>
  );
}

/** Pages of the table, as they are scrolled to. They are replaced one by one when the run has changed. */
function usePages(store: RunStore, version: number) {
  const pages = useRef(new Map<number, { rows: TableRow[]; version: number }>());
  const asked = useRef(new Set<string>());
  const visible = useRef<readonly [number, number]>([0, PAGE]);
  const [answer, setAnswer] = useState<TableAnswer | null>(null);
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
    try {
      const next = await ask<TableAnswer>(store.path('/table'), {
        body: { ...body, offset: page * PAGE, limit: PAGE },
      });
      if (question !== latest.current.question) return;
      pages.current.set(page, { rows: next.rows, version: next.version });
      if (pages.current.size > KEPT) pages.current.delete(pages.current.keys().next().value!);
      setProblem(null);
      setAnswer(next);
    } catch (error) {
      setProblem(problemOf(error));
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
  useEffect(() => {
    if (pages.current.size === 0) return loadVisible();
    // A timer that is already set is not put off: a busy run changes all the time.
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      loadLatest.current();
    }, REFRESH_MS);
  }, [question, version]);
  useEffect(() => () => clearTimeout(timer.current), []);

  return {
    answer,
    problem,
    show: (from: number, to: number): void => {
      visible.current = [from, to];
      loadVisible();
    },
    rowAt: (index: number): TableRow | null =>
      pages.current.get(Math.floor(index / PAGE))?.rows[index % PAGE] ?? null,
  };
}
