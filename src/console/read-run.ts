/** Everything that the page shows of a run at one moment. */
import type { FailureGroup, RunSnapshot, UnitView } from '..';
import { GroupNumbering } from './failure-groups';
import { emptyPlanes, writeCells, type Planes } from './planes';
import type { Table } from './table/partition-table';
import type { GroupInfo, RunNow } from './wire/types';

export interface ReadRun extends Table {
  snapshot: RunSnapshot;
  planes: Planes;
  failures: readonly FailureGroup[];
  units: UnitView[];
  groupInfos: GroupInfo[];
}

/** `folder`: places inside it are shown relative to it. */
export async function readRun(snapshot: RunSnapshot, folder: string | null): Promise<ReadRun> {
  const { columns, failures } = await snapshot.whole();
  const { groupInfos, groups } = new GroupNumbering().number(failures, columns.to, folder);
  const planes = emptyPlanes(columns.to);
  writeCells(planes, columns, groups);
  return { snapshot, columns, failures, groups, isExact: null, planes, units: snapshot.units(), groupInfos };
}

/** What is known of the run before its partitions are read has no groups. */
export function runNow(
  { snapshot: { state }, units }: Pick<ReadRun, 'snapshot' | 'units'>,
  groups: GroupInfo[],
  version: number,
): RunNow {
  const count = (...states: UnitView['status'][]): number =>
    units.filter(({ status }) => states.includes(status)).length;
  return {
    state,
    version,
    total: state.counts.total,
    groups,
    units: {
      total: units.length,
      running: count('running'),
      waiting: count('waiting', 'open'),
      ended: count('ended'),
    },
  };
}
