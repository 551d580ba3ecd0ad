/** Failures by cause. */
import { useMemo, useState } from 'preact/hooks';
import { shellWord } from '../../../core/shell-word';
import { failed } from '../../../core/status';
import { COLUMNS, Places } from '../../table/places';
import { cellGroup } from '../../wire/cells';
import type { EarlierCauses, GroupInfo, RunNow } from '../../wire/types';
import { setQuery } from '../address';
import { filter } from '../filter';
import { CopyCommand } from '../parts/copy';
import { Excerpt } from '../parts/excerpt';
import { PartitionLink } from '../parts/partition-link';
import { nameOf } from '../parts/partition-name';
import { useAnswer } from '../parts/use-answer';
import { useCount } from '../parts/use-count';
import { Picture } from '../pictures/picture';
import { canChange } from '../project';
import type { RunStore } from '../run-store';
import { file } from '../session';
import { css, palette } from '../theme';
import { number, plural, shareText, shown, time } from '../words';
import { RetryDialog } from './retry-dialog';

const WHERE_HEIGHT = 6;

export function FailuresPanel({ store }: { store: RunStore }) {
  const now = store.now.value!;
  const { groups, state } = now;
  const failures = failed(state.counts);
  void store.drawn.value;
  const places = useCount(store, ({ group }) => new Places(group));
  const isNew = useNewCauses(store, now);
  return (
    <section class="panel failures" aria-label="Failures by cause">
      <h2>Failures {groups.length > 0 && <span class="faint">{plural(groups.length, 'cause')}</span>}</h2>
      {groups.length === 0 && failures === 0 && <p class="empty">No partition has failed.</p>}
      {groups.length === 0 && failures > 0 && (
        <div class="shape strip-shape" role="img" aria-label="Loading" />
      )}
      {isMerged(groups) && (
        <p class="faint">
          There are more causes than are told apart: the rest are grouped by the type of the error.
        </p>
      )}
      <ol style={{ '--digits': groups.reduce((most, { count }) => Math.max(most, number(count).length), 3) }}>
        {groups.map((group) => (
          <Group
            key={group.number}
            group={group}
            share={group.count / Math.max(1, failures)}
            where={places.columnsOf(cellGroup(group.number))}
            newIn={isNew(group) ? (state.executions.at(-1)!.execution ?? null) : null}
            runId={state.runId}
            canRetry={canChange() && state.status !== 'IN_PROGRESS'}
          />
        ))}
      </ol>
    </section>
  );
}

/** Whether some groups have no pattern because the run has too many; a redacted file has none at all. */
function isMerged(groups: readonly GroupInfo[]): boolean {
  return file?.isRedacted !== true && groups.some(({ pattern }) => pattern === null);
}

/** Tells the causes that the execution before did not have; none while that is not known. */
function useNewCauses(
  store: RunStore,
  { state, groups }: RunNow,
): (group: Pick<GroupInfo, 'type' | 'pattern'>) => boolean {
  const [before, last] = state.executions.slice(-2);
  const isContinued = last !== undefined && before?.generation === last.generation;
  const isAsked = isContinued && file === null && groups.length > 0;
  const { value } = useAnswer<EarlierCauses>(isAsked ? store.path('/earlier-causes') : null);
  const known = useMemo(() => new Set(value?.map(keyOf)), [value]);
  return (group) => isContinued && value !== null && !known.has(keyOf(group));
}

function keyOf({ type, pattern }: Pick<GroupInfo, 'type' | 'pattern'>): string {
  return JSON.stringify([type, pattern]);
}

interface GroupProps {
  group: GroupInfo;
  /** Of all failures: 0 to 1. */
  share: number;
  /** Columns of a picture of the run in which it has partitions; undefined until they are known. */
  where: Uint8Array | undefined;
  /** The execution that it is new in; null if it is not. */
  newIn: number | null;
  runId: string;
  canRetry: boolean;
}

function Group({ group, share, where, newIn, runId, canRetry }: GroupProps) {
  const { number: id, count, type, pattern, place, functionDigest, failedWith, examples } = group;
  const [isOpen, setOpen] = useState(false);
  const isChosen = filter.value.group === id;
  return (
    <li>
      <button
        type="button"
        class="group"
        aria-pressed={isChosen}
        onClick={() => setQuery({ group: isChosen ? null : String(id) })}
      >
        <b class="count">{number(count)}</b>
        <span class="what">
          <Pattern text={pattern ?? type ?? 'errors of many types'} />
          {place !== null && (
            <span class="place">
              {shown(place.file)}:{place.line}
            </span>
          )}
        </span>
      </button>
      {where !== undefined && <Where columns={where} />}
      <p class="when">
        {shareText(share)} of the failures, {whenText(group)}
        {newIn !== null && (
          <>
            , <b>new in execution {newIn}</b>
          </>
        )}
      </p>
      {place !== null && functionDigest !== null && (
        <Excerpt runId={runId} digest={functionDigest} place={place} />
      )}
      <p class="examples">
        {examples.map((example) => (
          <PartitionLink key={example.ordinal} runId={runId} partition={example}>
            <span title={example.message === null ? undefined : shown(example.message)}>
              {nameOf(example)}
            </span>
          </PartitionLink>
        ))}
        {failedWith !== null && canRetry && (
          <button
            type="button"
            data-command={`Retry ${plural(count, 'partition')}: ${shown(pattern ?? type ?? '')} …`}
            onClick={() => setOpen(true)}
          >
            Retry these …
          </button>
        )}
        {failedWith !== null && (
          <CopyCommand
            command={`partwise retry ${shellWord(runId)} --failed-with=${shellWord(failedWith)}`}
          />
        )}
      </p>
      {isOpen && failedWith !== null && (
        <RetryDialog runId={runId} which={{ by: 'cause', failedWith }} onClose={() => setOpen(false)} />
      )}
    </li>
  );
}

/** `at 2026-11-01 06:00:12`, or from the first to the last. */
function whenText({ firstAt, lastAt }: GroupInfo): string {
  const [first, last] = [time(firstAt), time(lastAt)];
  if (first === last) return `at ${first}`;
  const [day, hour] = last.split(' ');
  return `${first} to ${first.startsWith(day!) ? hour : last}`;
}

/** The run in key order, in one line: where its partitions are. */
function Where({ columns }: { columns: Uint8Array }) {
  return (
    <div class="where">
      <Picture
        height={WHERE_HEIGHT}
        label="Where its partitions are in the run, in key order"
        of={[columns]}
        draw={(context, width, height) => {
          context.fillStyle = css(palette.value.names['ink']!);
          columns.forEach((isThere, i) => {
            if (isThere === 1)
              context.fillRect((i / COLUMNS) * width, 0, Math.max(2, width / COLUMNS), height);
          });
        }}
      />
    </div>
  );
}

/** The parts that differ between partitions are marked. */
function Pattern({ text }: { text: string }) {
  return (
    <span class="pattern">
      {shown(text)
        .split('◦')
        .flatMap((part, i) => (i === 0 ? [part] : [<mark key={i}>◦</mark>, part]))}
    </span>
  );
}
