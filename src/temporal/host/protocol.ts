/**
 * The protocol between a host and the commands of its project: JSON lines over a loopback connection. The
 * command starts with `Hello`; the host responds with its state, and sends it again on every change.
 */
import type { SupervisedStatus } from './supervisor';
import type { TemporalBinary } from '../binary/types';
import type { EnvironmentDigests } from './worker-environment';

/** Content of `host.json`, readable only by the project's owner. */
export interface HostRecord {
  /** Detects a file that was copied along with the project. */
  projectDir: string;
  port: number;
  token: string;
  pid: number;
  partwiseVersion: string;
  startedAt: string;
}

export interface Hello {
  token: string;
  /** An attached command keeps the host from ending. Others only read its state or ask it to end. */
  attach: boolean;
}

/**
 * `end`: drain the worker, end the server, then exit. The requesting command holds the lock and starts a host
 * next.
 */
export type HostRequest = { type: 'end' };

export interface HostState {
  pid: number;
  /** `partwise dev`: runs in a terminal, never ends when idle, and is not replaced. */
  foreground: boolean;
  /** Differs if another build or other settings would start the host differently. */
  fingerprint: string;
  /** Of the worker. Absent in the state of earlier releases. */
  environment?: EnvironmentDigests;
  namespace: string;
  taskQueue: string;
  /** Null until a server has been started. */
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
  /** Null until a worker has counted them. */
  openRuns: number | null;
}
