/** One partition of a run: why it ended as it did, what it returned, uploaded and printed. */
import { useRef, useState } from 'preact/hooks';
import type { PartitionView } from '../../..';
import { partitionName } from '../../../core/partition-name';
import { shellWord } from '../../../core/shell-word';
import { ownFrames, userPlace } from '../../../core/stack-place';
import { durationText } from '../../../display/measures';
import type { TableAnswer } from '../../wire/types';
import { currentQuery, runAddress } from '../address';
import { filter } from '../filter';
import { CopyCommand } from '../parts/copy';
import { Excerpt } from '../parts/excerpt';
import { Facts } from '../parts/facts';
import { canChange } from '../project';
import { nameOf } from '../parts/partition-name';
import { RunsLink } from '../parts/runs-link';
import { StatusMark } from '../parts/status';
import { useAnswer } from '../parts/use-answer';
import { file, hasPartitionPage } from '../session';
import { number, plural, shown, time } from '../words';
import { ArtifactsPanel } from './partition-artifacts';
import { LogsPanel } from './partition-logs';
import { RetryDialog } from './retry-dialog';
import { RowsPanel } from './partition-rows';

const REFRESH_MS = 2_000;
const ENDED_REFRESH_MS = 10_000;

export function PartitionPage({
  runId,
  execution,
  id,
}: {
  runId: string;
  execution: string | null;
  id: string;
}) {
  const run = `runs/${encodeURIComponent(runId)}`;
  const own = execution === null ? '' : `?execution=${encodeURIComponent(execution)}`;
  const path = `${run}/partitions/${encodeURIComponent(id)}`;
  // An ended partition changes only if it is retried.
  const hasEnded = useRef(false);
  const { value: view, problem } = useAnswer<PartitionView>(`${path}${own}`, {
    everyMs: hasEnded.current ? ENDED_REFRESH_MS : REFRESH_MS,
  });
  hasEnded.current = view !== null && view.status !== 'PENDING' && view.status !== 'RUNNING';
  const [isRetrying, setRetrying] = useState(false);
  document.title = shown(`${id} · ${runId} · Partwise`);

  return (
    <>
      <p class="crumbs">
        <RunsLink />
        <a href={`${runAddress(runId)}${currentQuery()}`}>{shown(runId)}</a>
        {view !== null && <Neighbours table={`${run}/table${own}`} runId={runId} ordinal={view.ordinal} />}
      </p>
      <h1>
        {view !== null && <StatusMark status={view.status} />} {shown(partitionName(id))}
      </h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {view === null && problem === null && <div class="shape table-shape" role="img" aria-label="Loading" />}
      {view !== null && (
        <>
          <Facts facts={factsOf(view)} />
          <p class="actions">
            {canChange() && view.status !== 'DONE' && view.status !== 'RUNNING' && (
              <button type="button" data-command="" onClick={() => setRetrying(true)}>
                Retry this …
              </button>
            )}
            <CopyCommand
              command={`partwise debug ${shellWord(runId)} ${shellWord(id)}`}
              label="Copy debug command"
            />
          </p>
          {isRetrying && (
            <RetryDialog runId={runId} which={{ by: 'id', id }} onClose={() => setRetrying(false)} />
          )}
          <Errors runId={runId} view={view} />
          {view.returnedRows > 0 && <RowsPanel path={`${path}/rows${own}`} />}
          <ArtifactsPanel path={path} own={own} artifacts={view.artifacts} />
          {file === null && <LogsPanel path={`${path}/logs${own}`} isOpen={view.status === 'RUNNING'} />}
        </>
      )}
    </>
  );
}

function factsOf(view: PartitionView): [string, string][] {
  const { attempts, reused, rows, returnedRows, startedAt, durationMs, execution, unit, worker } = view;
  const key = Object.entries(view.key).map(([name, value]): [string, string] => [
    name,
    value === null ? 'NULL' : typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return [
    ...key,
    ['rows', number(rows)],
    ...(view.status === 'DONE' ? [['returned rows', number(returnedRows)] as [string, string]] : []),
    ['calls', reused ? 'reused from an earlier run' : number(attempts)],
    ...optional('started', startedAt === null ? null : time(startedAt)),
    ...optional('took', durationMs === null ? null : durationText(durationMs)),
    ...optional('execution', execution === null ? null : String(execution)),
    ...optional('unit', unit),
    ...optional('worker', worker),
    ...optional('functions', view.functionDigest?.slice(0, 12) ?? null),
  ];
}

function optional(name: string, value: string | null): [string, string][] {
  return value === null ? [] : [[name, value]];
}

function Errors({ runId, view }: { runId: string; view: PartitionView }) {
  const { error, earlierErrors, nextAttempt, attempts, functionDigest, reused } = view;
  const place = userPlace(error?.stack ?? null);
  const missing = reused ? 0 : attempts - earlierErrors.length - 1;
  if (error === null && earlierErrors.length === 0 && missing <= 0) return null;
  return (
    <section class="panel" aria-label="Error">
      {error !== null && (
        <>
          <h2>{shown(error.type)}</h2>
          <p class="message">{shown(error.message)}</p>
          {error.stack !== null && <Stack stack={error.stack} />}
          {place !== null && functionDigest !== null && (
            <Excerpt runId={runId} digest={functionDigest} place={place} />
          )}
        </>
      )}
      {nextAttempt?.at != null && (
        <p class="warning">
          Attempt {nextAttempt.attempt} is due at {time(nextAttempt.at)}.
        </p>
      )}
      {earlierErrors.length > 0 && (
        <>
          <h2>Earlier calls</h2>
          <ol class="earlier">
            {earlierErrors.map(({ attempt, type, message }) => (
              <li key={attempt} value={attempt}>
                <b>{shown(type)}</b>: {shown(message)}
              </li>
            ))}
          </ol>
        </>
      )}
      {missing > 0 && (
        <p class="faint">
          No error was recorded of{' '}
          {plural(missing, earlierErrors.length > 0 ? 'other earlier call' : 'earlier call')}.
        </p>
      )}
    </section>
  );
}

/** The user's own frames; those of packages when they are asked for. */
function Stack({ stack }: { stack: string }) {
  const own = ownFrames(stack);
  return (
    <>
      {own !== null && <pre tabIndex={0}>{shown(own)}</pre>}
      <details open={own === null}>
        <summary>{own === null ? 'Stack' : 'Whole stack'}</summary>
        <pre tabIndex={0}>{shown(stack)}</pre>
      </details>
    </>
  );
}

/** The partitions before and after it among those that the filter selects, with the same artifact open. */
function Neighbours({ table, runId, ordinal }: { table: string; runId: string; ordinal: number }) {
  const chosen = filter.value;
  const [from, to] = chosen.ordinals ?? [0, 1_000_000_000];
  const one = (ordinals: readonly [number, number], descending: boolean) => ({
    filter: { ...chosen, ordinals },
    sort: { column: 'key', descending },
    offset: 0,
    limit: 1,
  });
  const before = useAnswer<TableAnswer>(table, { body: one([from, Math.max(from, ordinal)], true) });
  const after = useAnswer<TableAnswer>(table, { body: one([Math.max(from, ordinal + 1), to], false) });
  const link = (answer: TableAnswer | null, text: string, key: string) => {
    const row = answer?.rows[0];
    return row?.id == null || !hasPartitionPage(row.id) ? (
      <span class="faint">{text}</span>
    ) : (
      <a href={`${runAddress(runId, row.id)}${currentQuery('artifact')}`} data-key={key} title={nameOf(row)}>
        {text}
      </a>
    );
  };
  return (
    <span class="neighbours">
      {link(before.value, '‹ previous', '[')} {link(after.value, 'next ›', ']')}
    </span>
  );
}
