/** What faults act on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './scenario';
import type { Command, World } from './world';

export interface Victim {
  world: World;
  /** Aborted when the execution closes. */
  closed: AbortSignal;
  workflowRunId: string;
  /** The command that follows the run. */
  client: { current: Command | null };
}

/** Resolves with whether it took effect. */
export type Inflict = (victim: Victim, fault: Fault) => Promise<boolean>;

/** Long enough to affect units, and for a heartbeat timeout. */
const TROUBLE_MS = 6_000;

/** For what is stopped: sometimes a minute. */
export function troubleMs(pick: number): number {
  return pick % 4 === 0 ? 60_000 : TROUBLE_MS;
}

export async function sleepUnlessClosed(closed: AbortSignal, ms = TROUBLE_MS): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal: closed }).catch(() => {});
}
