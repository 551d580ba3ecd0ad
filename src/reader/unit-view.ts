import type { UnitRecord } from '../history/fold';
import type { LiveOverlay } from '../history/overlay';
import { noCounts } from '../core/status';
import type { UnitView } from './types';

/** `overlay` has the server's information about open units; null if there is none. */
export function unitView(unit: UnitRecord, overlay: LiveOverlay | null): UnitView {
  const { activityId, label, task, scheduledAt, endedAt, end } = unit;
  const { from, to, partitions, round, big } = task;
  const shared = { activityId, label, from, to: to + 1, partitions, round, big, scheduledAt, endedAt };
  if (end !== null) {
    const { startedAt, attempts } = unit;
    const ended = { ...shared, status: 'ended', startedAt, attempts } as const;
    if (end.type === 'result')
      return { ...ended, worker: end.result.worker || null, counts: end.result.counts, error: null };
    const counts = noCounts();
    if (end.type === 'lost') counts[end.status] = partitions;
    return { ...ended, worker: null, counts, error: end.type === 'lost' ? end.error : null };
  }
  const live = overlay?.units.get(activityId);
  const counts = noCounts();
  for (const { outcome } of live?.ended ?? []) counts[outcome.status]++;
  return {
    ...shared,
    status: live === undefined ? 'open' : live.started ? 'running' : 'waiting',
    startedAt: live?.lastStartedAt ?? null,
    attempts: live?.attempt ?? 0,
    worker: live?.worker ?? null,
    counts,
    error: live?.lastError ?? null,
  };
}
