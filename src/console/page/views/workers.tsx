/** Who takes work from the project's task queues. */
import type { QueueView } from '../../..';
import type { WorkersAnswer } from '../../wire/project';
import { CopyCommand } from '../parts/copy';
import { useAnswer } from '../parts/use-answer';
import { project } from '../project';
import { shown, time } from '../words';

const REFRESH_MS = 5_000;

const WORK: Readonly<Record<QueueView['work'], string>> = {
  workflows: 'the code of runs',
  activities: 'planning and commits',
  units: 'partition functions',
};

export function WorkersPage() {
  const { value, problem } = useAnswer<WorkersAnswer>('workers', { everyMs: REFRESH_MS });
  document.title = 'Workers · Partwise';
  return (
    <>
      <h1>Workers</h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value === null && problem === null && <div class="shape table-shape" aria-label="Loading" />}
      {value !== null && (
        <>
          <Missing embedded={value.embedded} queues={value.queues} />
          {value.queues.map((queue) => (
            <Queue key={`${queue.taskQueue} ${queue.work}`} queue={queue} />
          ))}
        </>
      )}
    </>
  );
}

function Queue({ queue: { taskQueue, work, polled, pollers } }: { queue: QueueView }) {
  return (
    <section class="panel" aria-label={WORK[work]}>
      <h2>
        <span class={polled ? 'status is-done' : 'status is-failed'}>
          <i aria-hidden="true">{polled ? '✓' : '✗'}</i> {polled ? 'polled' : 'not polled'}
        </span>
        {WORK[work]} <span class="faint">task queue {shown(taskQueue)}</span>
      </h2>
      {pollers.length === 0 ? (
        <p class="empty">No worker has asked for work in the last five minutes.</p>
      ) : (
        <table class="listing">
          <thead>
            <tr>
              <th>Worker</th>
              <th>Last seen</th>
              <th class="wide-only">Version</th>
              <th class="number wide-only">Limit</th>
            </tr>
          </thead>
          <tbody>
            {pollers.map(({ identity, lastSeen, version, ratePerSecond }) => (
              <tr key={identity}>
                <td>{shown(identity)}</td>
                <td>{time(lastSeen)}</td>
                <td class="wide-only">
                  {version === null ? '' : shown(`${version.deployment} ${version.buildId}`)}
                </td>
                <td class="number wide-only">
                  {ratePerSecond === null ? '' : `${ratePerSecond} per second`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** That runs wait, with the command that starts a worker. */
function Missing({ embedded, queues }: { embedded: boolean; queues: readonly QueueView[] }) {
  const missing = queues.filter(({ polled }) => !polled);
  if (missing.length === 0) return null;
  const command = embedded ? 'partwise dev' : 'partwise worker';
  const names = missing.map(({ taskQueue, work }) => `${WORK[work]} (task queue ${shown(taskQueue)})`);
  return (
    <p class="warning" role="alert">
      No worker asks for {names.join(' and ')}: runs wait until there is one. Start it with{' '}
      <code>{command}</code> <CopyCommand command={command} label="Copy" />
    </p>
  );
}

/** For the page of a run in progress. Workers whose runners are all busy ask for no partitions. */
export function WorkersBanner({ isBusy }: { isBusy: boolean }) {
  const { value } = useAnswer<WorkersAnswer>(project.value?.hasProject === true ? 'workers' : null, {
    everyMs: REFRESH_MS,
  });
  if (value === null) return null;
  const { embedded, queues } = value;
  return <Missing embedded={embedded} queues={queues.filter(({ work }) => !(isBusy && work === 'units'))} />;
}
