/** Units over time, packed into lanes so that none covers another. Pure. */
import type { UnitView } from '../../..';

export interface Bar {
  unit: UnitView;
  /** Milliseconds since 1970. */
  waitedFrom: number;
  start: number;
  end: number;
}

export interface WorkerLanes {
  name: string;
  lanes: Bar[][];
}

/** `now`: the end of bars that have none. */
export function packLanes(
  units: readonly UnitView[],
  now: number,
): { workers: WorkerLanes[]; from: number; to: number } {
  const bars = units.flatMap((unit): Bar[] => {
    const waitedFrom = Date.parse(unit.scheduledAt);
    if (unit.startedAt === null) return [];
    const start = Date.parse(unit.startedAt);
    return [
      {
        unit,
        waitedFrom,
        start,
        end: unit.endedAt === null ? Math.max(now, start) : Date.parse(unit.endedAt),
      },
    ];
  });
  bars.sort((a, b) => a.start - b.start);
  const workers = new Map<string, Bar[][]>();
  for (const bar of bars) {
    const name = bar.unit.worker ?? 'unknown worker';
    const lanes = workers.get(name) ?? [];
    workers.set(name, lanes);
    const free = lanes.find((lane) => lane.at(-1)!.end <= bar.start);
    if (free === undefined) lanes.push([bar]);
    else free.push(bar);
  }
  return {
    workers: [...workers]
      .map(([name, lanes]) => ({ name, lanes }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    from: bars.reduce((least, { waitedFrom }) => Math.min(least, waitedFrom), now),
    to: bars.reduce((most, { end }) => Math.max(most, end), 0) || now,
  };
}
