/** Which workers ask a project's task queues for work. */
import type { Client } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { unitQueueOf } from '../core/units/cut-units';
import { isoTime } from '../history/events';

/** What workers get from a task queue. */
export type QueueWork = 'workflows' | 'activities' | 'units';

/** A task queue, and who polls it. */
export interface QueueView {
  /** The name that workers are started with (`--task-queue`). */
  taskQueue: string;
  /**
   * `workflows`: the code of runs. `activities`: planning, commits, closing. `units`: partition functions.
   */
  work: QueueWork;
  /**
   * Whether a worker asked for work in the last 90 seconds, by this machine's clock. Workers ask at least
   * once a minute, except for `units` while all of their runners are busy.
   */
  polled: boolean;
  /** Workers that asked for work in the last five minutes, the last one first. */
  pollers: PollerView[];
}

/** A worker, as a task queue knows it. */
export interface PollerView {
  /** `PID@HOST`. */
  identity: string;
  /** When it last asked for work: ISO 8601 UTC, by the server's clock. */
  lastSeen: string;
  /** Maximum number of tasks per second that it takes; null if it has no limit. */
  ratePerSecond: number | null;
  /** Of a worker with `--deployment` and `--build-id`. */
  version: { deployment: string; buildId: string } | null;
}

/** Options of `workers`. */
export interface WorkersOptions {
  /** More task queues whose workers run units: the `bigTaskQueue`s of functions. */
  bigTaskQueues?: readonly string[];
}

const TYPE = { workflow: 1, activity: 2 } as const;
/** A worker waits up to a minute for work before it asks again. */
const POLLED_WITHIN_MS = 90_000;
/** What the server says for a worker without a limit. */
const NO_LIMIT = 100_000;

/** `now` is in milliseconds since 1970. */
export async function readWorkers(
  client: Client,
  taskQueue: string,
  { bigTaskQueues = [] }: WorkersOptions,
  now: number,
): Promise<QueueView[]> {
  const read = async (name: string, work: QueueWork): Promise<QueueView> => {
    const { pollers } = await client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: work === 'units' ? unitQueueOf(name) : name },
      taskQueueType: work === 'workflows' ? TYPE.workflow : TYPE.activity,
      reportPollers: true,
    });
    const views = pollers.map(pollerView).sort((a, b) => (a.lastSeen < b.lastSeen ? 1 : -1));
    const [last] = views;
    const polled = last !== undefined && now - Date.parse(last.lastSeen) <= POLLED_WITHIN_MS;
    return { taskQueue: name, work, polled, pollers: views };
  };
  return Promise.all([
    read(taskQueue, 'workflows'),
    read(taskQueue, 'activities'),
    read(taskQueue, 'units'),
    ...bigTaskQueues.filter((name) => name !== taskQueue).map((name) => read(name, 'units')),
  ]);
}

function pollerView(poller: temporal.api.taskqueue.v1.IPollerInfo): PollerView {
  const { deploymentName, buildId } = poller.deploymentOptions ?? {};
  const rate = poller.ratePerSecond ?? NO_LIMIT;
  return {
    identity: poller.identity ?? '',
    lastSeen: isoTime(poller.lastAccessTime),
    ratePerSecond: rate >= NO_LIMIT ? null : rate,
    version: deploymentName && buildId ? { deployment: deploymentName, buildId } : null,
  };
}

/** Who would run the project's runs, in a line. */
export function workersLine(queues: readonly QueueView[]): string {
  const missing = queues.filter(({ polled }) => !polled);
  const [{ taskQueue }] = queues as [QueueView];
  if (missing.length > 0)
    return (
      `no worker polls the task queue "${taskQueue}" for ${missing.map(({ work }) => work).join(' or ')}: ` +
      'runs wait until there is one (partwise worker)'
    );
  const identities = new Set(queues.flatMap(({ pollers }) => pollers.map(({ identity }) => identity)));
  return `${[...identities].sort().join(', ')} on the task queue "${taskQueue}"`;
}
