/**
 * How much memory a call may use: what was asked for, and more where it is alone or on a worker for big
 * partitions.
 */
import { totalmem } from 'node:os';

/** The rest is the worker's own, and the system's. */
const SHARE_OF_MACHINE = 0.8;
/** Share of a runner's memory that DuckDB may use; the rest is the function's. */
const DUCKDB_SHARE = 0.6;

export interface CallMemory {
  /** Resident bytes of a runner. */
  each: number;
  /**
   * Of one that has nothing beside it in its worker: as much as all runners of the worker may use together.
   */
  alone: number;
}

/**
 * `wanted`: resident bytes per call. `big`: the worker is for partitions that outgrew that elsewhere; there
 * each runner has its share of the machine.
 */
export function callMemory(
  { wanted, runners, big }: { wanted: number; runners: number; big: boolean },
  machine = (ofMachine ??= machineMemory()),
): CallMemory {
  const most = Math.floor(machine * SHARE_OF_MACHINE);
  const each = big ? Math.max(wanted, Math.floor(most / runners)) : wanted;
  return { each, alone: Math.max(each, Math.min(each * runners, most)) };
}

/** DuckDB's memory limit inside a runner. */
export function duckdbMemory(memoryBytes: number): number {
  return Math.floor(memoryBytes * DUCKDB_SHARE);
}

let ofMachine: number | null = null;

/** Bytes that this process may use: of the machine, or of its container. */
function machineMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}
