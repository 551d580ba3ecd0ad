/**
 * The memory that a call may use: the requested amount, or more if it is alone or on a worker for big
 * partitions.
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** The rest is for the worker itself and the system. */
const SHARE_OF_MACHINE = 0.8;
/** Share of a runner's memory that DuckDB may use; the rest is for the function. */
const DUCKDB_SHARE = 0.6;

export interface CallMemory {
  /** Resident bytes of a runner. */
  each: number;
  /**
   * Resident bytes of the worker's only runner: as much as all of its runners may use together.
   */
  alone: number;
}

/**
 * `wanted` are the requested resident bytes per call. If `big`, the worker is for partitions that exceeded
 * them elsewhere, and each runner gets its share of the machine.
 */
export function callMemory(
  { wanted, runners, big }: { wanted: number; runners: number; big: boolean },
  machine = (ofMachine ??= machineMemory()),
): CallMemory {
  const total = Math.floor(machine * SHARE_OF_MACHINE);
  const each = big ? Math.max(wanted, Math.floor(total / runners)) : wanted;
  return { each, alone: Math.max(each, Math.min(each * runners, total)) };
}

/** DuckDB's memory limit inside a runner. */
export function duckdbMemory(memoryBytes: number): number {
  return Math.floor(memoryBytes * DUCKDB_SHARE);
}

/** How many processes Linux has killed for lack of memory, in all containers; null if it does not say. */
export function outOfMemoryKills(): number | null {
  try {
    const kills = /^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'));
    return kills === null ? null : Number(kills[1]);
  } catch {
    return null;
  }
}

let ofMachine: number | null = null;

/** Bytes that this process may use: those of the machine or of its container. */
function machineMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 && constrained < totalmem() ? constrained : totalmem();
}
