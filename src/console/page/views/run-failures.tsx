/** Failures by cause. */
import { partitionName } from '../../../core/partition-name';
import { failed } from '../../../core/status';
import type { GroupInfo, RunNow } from '../../wire/types';
import { currentQuery, runAddress, setQuery } from '../address';
import { filter } from '../filter';
import { CopyCommand } from '../parts/copy';
import { number, plural, shown } from '../words';

export function FailuresPanel({ now }: { now: RunNow }) {
  const { groups, state } = now;
  return (
    <section class="panel failures" aria-label="Failures by cause">
      <h2>Failures {groups.length > 0 && <span class="faint">{plural(groups.length, 'cause')}</span>}</h2>
      {groups.length === 0 && failed(state.counts) === 0 && <p class="empty">No partition has failed.</p>}
      {groups.length === 0 && failed(state.counts) > 0 && (
        <div class="shape strip-shape" aria-label="Loading" />
      )}
      <ol>
        {groups.map((group) => (
          <Group key={group.number} group={group} runId={state.runId} />
        ))}
      </ol>
    </section>
  );
}

function Group({ group, runId }: { group: GroupInfo; runId: string }) {
  const { number: id, count, type, pattern, place, firstExecution, examples } = group;
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
      <p class="examples">
        {firstExecution > 1 && <span class="badge">new in execution {firstExecution}</span>}
        {examples.map((example) => (
          <a
            key={example.ordinal}
            href={`${runAddress(runId, example.id)}${currentQuery()}`}
            title={shown(example.message)}
          >
            {shown(partitionName(example.id))}
          </a>
        ))}
        <CopyCommand command={`partwise failures ${runId}`} />
      </p>
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
