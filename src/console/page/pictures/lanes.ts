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

export interface Lanes {
  workers: WorkerLanes[];
  /** All bars, by start. */
  bars: Bar[];
  from: number;
  to: number;
}

/** `now`: the end of bars that have none. */
export function packLanes(units: readonly UnitView[], now: number): Lanes {
  const bars = units.flatMap((unit): Bar[] => {
    const waitedFrom = Date.parse(unit.scheduledAt);
    if (unit.startedAt === null) return [];
    const start = Date.parse(unit.startedAt);
    const end = unit.endedAt === null ? Math.max(now, start) : Date.parse(unit.endedAt);
    return [{ unit, waitedFrom, start, end }];
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
    bars,
    from: units.reduce((least, { scheduledAt }) => Math.min(least, Date.parse(scheduledAt)), now),
    to: bars.reduce((most, { end }) => Math.max(most, end), 0) || now,
  };
}

/** A lane's place in the picture, in CSS pixels. */
export interface PlacedLane {
  top: number;
  bars: Bar[];
}

export interface PlacedLanes {
  lanes: PlacedLane[];
  /** Distance from a lane to the next one. */
  pitch: number;
  height: number;
  labels: { name: string; top: number }[];
}

const LANE = 9;
/** Above the lanes of a worker. */
const LABEL = 16;
const LEAST = 40;
const MOST = 420;

/** Places the lanes of all workers below each other; more than fit are squeezed. */
export function placeLanes(workers: readonly WorkerLanes[]): PlacedLanes {
  const wanted = workers.reduce((sum, { lanes }) => sum + LABEL + lanes.length * LANE, 0);
  const height = Math.min(MOST, Math.max(LEAST, wanted));
  const squeeze = Math.min(1, height / wanted);
  const placed: PlacedLanes = { lanes: [], pitch: LANE * squeeze, height, labels: [] };
  let top = 0;
  let free = 0;
  for (const { name, lanes } of workers) {
    // A label that would cover the one above is left out; pointing at a bar names its worker.
    if (top >= free) {
      placed.labels.push({ name, top });
      free = top + LABEL;
    }
    top += LABEL * squeeze;
    for (const bars of lanes) {
      placed.lanes.push({ top, bars });
      top += LANE * squeeze;
    }
  }
  return placed;
}
