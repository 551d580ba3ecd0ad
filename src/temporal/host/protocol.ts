/**
 * What a host and the commands of its project tell each other: JSON lines over a loopback connection. The
 * command begins with `Hello`; the host answers with its state and sends it again on every change.
 */
import type { SupervisedStatus } from './supervisor';
import type { TemporalBinary } from '../binary/temporal-binary';

/** Content of `host.json`, readable by the project's owner alone. */
export interface HostRecord {
  /** A copied project brings its original's file along. */
  projectDir: string;
  port: number;
  token: string;
  pid: number;
  partwiseVersion: string;
  startedAt: string;
}

export interface Hello {
  token: string;
  /** An attached command keeps the host from ending. Others only look, or ask it to end. */
  attach: boolean;
}

/** End: drain the worker, then end the server, then exit. The asker holds the lock and starts a host next. */
export type HostRequest = { type: 'end' };

export interface HostState {
  pid: number;
  /** `partwise dev`: it belongs to a terminal, never ends idle, and is not replaced. */
  foreground: boolean;
  /** Differs when another build, or other settings, would start the host differently. */
  fingerprint: string;
  namespace: string;
  taskQueue: string;
  /** Null until a server was started. */
  address: string | null;
  server: {
    status: SupervisedStatus;
    error: string | null;
    pid: number | null;
    binary: TemporalBinary;
    takenUp: boolean;
  };
  worker: { status: SupervisedStatus; error: string | null; pid: number | null };
  attached: number;
  /** Null while no worker has counted. */
  openRuns: number | null;
}
