/** Builds the unit that is sent to a runner. Pure. */
import type { UnitPlan } from '../core/unit-plan';
import type { WarehouseAccess } from '../core/warehouse-access';
import { duckdbMemory } from './memory';
import type { RunnerUnit } from './protocol';

/** The part of a unit that comes from its run's plan. */
export type UnitBasis = Pick<
  UnitPlan,
  | 'runId'
  | 'params'
  | 'model'
  | 'models'
  | 'warehouse'
  | 'pushDown'
  | 'keyColumns'
  | 'columns'
  | 'snapshotTime'
  | 'scheduledTime'
  | 'scheduledDate'
>;

/** The part that differs between units of a run and between attempts of a unit. */
export interface UnitPart extends Omit<
  RunnerUnit,
  keyof UnitBasis | 'access' | 'cautious' | 'duckdbMemoryBytes'
> {
  /** Resident memory of a runner. */
  memoryBytes: number;
}

export function runnerUnit(
  {
    runId,
    params,
    model,
    models,
    warehouse,
    pushDown,
    keyColumns,
    columns,
    snapshotTime,
    scheduledTime,
    scheduledDate,
  }: UnitBasis,
  { memoryBytes, ...part }: UnitPart,
): RunnerUnit {
  return {
    ...part,
    runId,
    params,
    model,
    models,
    warehouse,
    pushDown,
    keyColumns,
    columns,
    snapshotTime,
    scheduledTime,
    scheduledDate,
    duckdbMemoryBytes: duckdbMemory(memoryBytes),
  };
}

/** How functions of a unit reach its warehouse. */
export function accessOf(access: WarehouseAccess | null): Pick<RunnerUnit, 'access'> {
  return access === null ? {} : { access: 'worker' };
}
