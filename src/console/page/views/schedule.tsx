/** One schedule: when it is due, what its firings became, and what can be done with it. */
import { useState } from 'preact/hooks';
import { shellWord } from '../../../core/shell-word';
import { durationText } from '../../../display/measures';
import type { ScheduleFiring, ScheduleView } from '../../..';
import type { ScheduleAnswer } from '../../wire/schedules';
import { go, pageAddress, runAddress } from '../address';
import { Action } from '../parts/action';
import { DeleteByName } from '../parts/delete-by-name';
import { Facts } from '../parts/facts';
import { useAnswer } from '../parts/use-answer';
import { canChange } from '../project';
import { plural, shown, time } from '../words';
import { BackfillForm } from './schedule-backfill';
import { FiringsPanel } from './schedule-firings';
import { NextTimes } from './schedule-next';
import { dueText, ScheduleState } from './schedules';

const REFRESH_MS = 3_000;

export function SchedulePage({ id }: { id: string }) {
  const [changes, setChanges] = useState(0);
  const path = `schedules/${encodeURIComponent(id)}`;
  const { value, problem } = useAnswer<ScheduleAnswer>(path, { everyMs: REFRESH_MS, version: changes });
  document.title = shown(`${id} · Partwise`);
  return (
    <>
      <p class="crumbs">
        <a href={pageAddress('/schedules')}>Schedules</a> ›
      </p>
      <h1>
        {value !== null && <ScheduleState paused={value.schedule.paused} />} {shown(id)}
      </h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value === null && problem === null && <div class="shape table-shape" aria-label="Loading" />}
      {value !== null && (
        <>
          <p class="sentence" role="status">
            {sentence(value.schedule)}
          </p>
          <Facts facts={factsOf(value.schedule)} />
          {canChange() && (
            <Actions
              schedule={value.schedule}
              path={path}
              onChange={() => setChanges((count) => count + 1)}
            />
          )}
          <div class="panels">
            <NextTimes schedule={value.schedule} />
            <FiringsPanel schedule={value.schedule} firings={value.firings} />
          </div>
        </>
      )}
    </>
  );
}

function sentence({ paused, note, next, running, waiting }: ScheduleView): string {
  const now = [
    ...(running.length === 0 ? [] : [`${plural(running.length, 'run')} in progress`]),
    ...(waiting === 0 ? [] : [`${plural(waiting, 'run')} waiting for another one to end`]),
  ];
  const state = paused
    ? pausedText(note)
    : next[0] === undefined
      ? 'It is never due again'
      : `Next at ${time(next[0])}`;
  return `${[state.replace(/\.$/, ''), ...now].join('; ')}.`;
}

/** A note that nobody wrote says it already. */
function pausedText(note: string | null): string {
  if (note === null) return 'Paused';
  return note.startsWith('Paused by ') ? shown(note) : `Paused: ${shown(note)}`;
}

function factsOf(schedule: ScheduleView): (readonly [string, string])[] {
  const { function: name, spec, overlap, catchupWindowMs, pauseOnFailure, note, paused } = schedule;
  return [
    ...(name === null ? [] : [['function', name] as const]),
    ['due', `${dueText(spec)} (${spec.timeZone})`],
    ['overlap', overlap],
    ['catch-up window', durationText(catchupWindowMs)],
    ...(pauseOnFailure ? [['on failure', 'paused'] as const] : []),
    ...(note !== null && !paused ? [['note', note] as const] : []),
    ['created', time(schedule.createdAt)],
    ...(schedule.updatedAt === null ? [] : [['changed', time(schedule.updatedAt)] as const]),
  ];
}

function Actions({
  schedule,
  path,
  onChange,
}: {
  schedule: ScheduleView;
  path: string;
  onChange: () => void;
}) {
  const [note, setNote] = useState('');
  const [waits, setWaits] = useState<string | null>(null);
  const word = shellWord(schedule.id);
  const verb = schedule.paused ? 'unpause' : 'pause';
  const triggered = ({ runId, startedAt }: ScheduleFiring): void => {
    onChange();
    if (startedAt === null) setWaits(runId);
    else go(runAddress(runId));
  };
  return (
    <section aria-label="Actions">
      <div class="filters">
        <input
          value={note}
          placeholder={`note: why ${verb}?`}
          aria-label="Note"
          onInput={(event) => setNote(event.currentTarget.value)}
        />
        <Action
          label={schedule.paused ? 'Unpause' : 'Pause'}
          path={`${path}/${verb}`}
          body={{ note }}
          command={`partwise schedule ${verb} ${word}${note === '' ? '' : ` --note ${shellWord(note)}`}`}
          onDone={() => {
            setNote('');
            onChange();
          }}
        />
        <Action<ScheduleFiring>
          label="Trigger now"
          path={`${path}/trigger`}
          body={{}}
          command={`partwise schedule trigger ${word}`}
          onDone={triggered}
        />
      </div>
      {waits !== null && <p class="warning">{shown(waits)} waits for the run in progress to end.</p>}
      <BackfillForm schedule={schedule} path={path} onChange={onChange} />
      <DeleteByName
        what="The schedule is deleted for good; its runs are kept."
        name={schedule.id}
        path={`${path}/delete`}
        command={`partwise schedule delete ${word}`}
        onDone={() => go(pageAddress('/schedules'))}
      />
    </section>
  );
}
