/**
 * The service behind a kind of warehouse or stage: what the rest of Partwise has to know of it, whichever it
 * is.
 */
import type { Refusal } from '../core/refusal';

export interface Service {
  /** Its driver: optional peer dependencies of Partwise. */
  packages: readonly string[];
  /** Environment variables that it takes credentials from. Functions do not see them (I11). */
  credentials: readonly RegExp[];
  /**
   * Environment variables that decide where, and as whom, a worker connects: one that was started with other
   * values is replaced.
   */
  settings: readonly RegExp[];
  /**
   * The refusal that explains an error of the service; null: the error is not the service's, or another
   * attempt may succeed.
   */
  refusal?(error: unknown): Refusal | null;
  /** Does the work; what it asks of the service is marked with its purpose. */
  tagged?<T>(purpose: Purpose, work: () => T): T;
  /** Closes the sessions of this process that are not in use. Work that comes later opens others. */
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
