/** Failures by cause. */
import { useState } from 'preact/hooks';
import { shellWord } from '../../../core/shell-word';
import { failed } from '../../../core/status';
import type { GroupInfo, RunNow } from '../../wire/types';
import { setQuery } from '../address';
import { filter } from '../filter';
import { CopyCommand } from '../parts/copy';
import { Excerpt } from '../parts/excerpt';
import { canChange } from '../project';
import { RetryDialog } from './retry-dialog';
import { PartitionLink } from '../parts/partition-link';
import { nameOf } from '../parts/partition-name';
import { number, plural, shown } from '../words';

export function FailuresPanel({ now }: { now: RunNow }) {
  const { groups, state } = now;
  return (
    <section class="panel failures" aria-label="Failures by cause">
      <h2>Failures {groups.length > 0 && <span class="faint">{plural(groups.length, 'cause')}</span>}</h2>
      {groups.length === 0 && failed(state.counts) === 0 && <p class="empty">No partition has failed.</p>}
      {groups.length === 0 && failed(state.counts) > 0 && (
        <div class="shape strip-shape" role="img" aria-label="Loading" />
      )}
      <ol>
        {groups.map((group) => (
          <Group
            key={group.number}
            group={group}
            runId={state.runId}
            canRetry={canChange() && state.status !== 'IN_PROGRESS'}
          />
        ))}
      </ol>
    </section>
  );
}

function Group({ group, runId, canRetry }: { group: GroupInfo; runId: string; canRetry: boolean }) {
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
          <button type="button" onClick={() => setOpen(true)}>
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
