/**
 * The service behind a kind of warehouse or stage: what the rest of Partwise needs to know about any of them.
 */
import type { Refusal } from './refusal';

export interface Service {
  /** The packages of its driver, which are optional peer dependencies of Partwise. */
  packages: readonly string[];
  /** Environment variables with its credentials. Functions do not get them (I11). */
  credentials: readonly RegExp[];
  /**
   * Environment variables that determine where and as whom a worker connects. A worker that was started with
   * different values is replaced.
   */
  settings: readonly RegExp[];
  /** Environment variables that its driver needs in every process that loads it, and that are set there. */
  ownVariables: readonly RegExp[];
  /**
   * Returns the refusal that explains an error of the service, or null if the error is not the service's or a
   * retry may succeed.
   */
  refusal?(error: unknown): Refusal | null;
  /** Runs the work, tagging its requests to the service with their purpose. */
  tagged?<T>(purpose: Purpose, work: () => T): T;
  /** Closes this process's idle sessions. Later work opens new ones. */
  close?(): Promise<void>;
}

export interface Purpose {
  run: string;
  /** The activity: `open`, `plan`, `unit`, `commit`, … */
  step: string;
  attempt: number;
  /** The unit's number. */
  unit?: number;
}
