/**
 * How an attempt leaves its unit to the next one, at no cost to the partitions where they are not to blame.
 */
import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import { isFullDisk } from '../../files/full-disk';
import { Refusal } from '../../core/refusal';
import { StageUnavailable } from '../../stage';
import type { Heartbeats, UnitBeat } from './heartbeat';
import type { Interruption } from './interruptions';

/** When a paused unit checks again whether its run is still paused. */
const PAUSED_RETRY_MS = 2_000;
const SHUTDOWN_RETRY_MS = 100;
/**
 * Between attempts while the stage is unavailable, or while no worker has the function: doubled each time, up
 * to the longest.
 */
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 15_000;

export class HandOver {
  constructor(
    /** The worker's. */
    private readonly identity: string,
    /** What the attempt before left. */
    private readonly before: UnitBeat,
    private readonly heartbeats: Heartbeats,
  ) {}

  /** Puts a change into the last heartbeat, where the next attempt reads how this one ended. */
  async note(change: Partial<UnitBeat>): Promise<void> {
    this.heartbeats.update(change);
    await this.heartbeats.flush();
  }

  toAnotherWorker(why: string, type: string, more: Partial<UnitBeat> = {}): Promise<never> {
    return this.#withoutCost(
      ApplicationFailure.create({
        message: `${why} (worker ${this.identity})`,
        type,
        // Independent of the function's own retry waits, which may grow to minutes.
        nextRetryDelay: Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.before.shutdowns),
      }),
      more,
    );
  }

  async interrupted(why: Exclude<Interruption, 'cancelled'>, reason: unknown): Promise<never> {
    switch (why) {
      case 'shutdown':
        return this.#withoutCost(
          ApplicationFailure.create({
            message: `The worker ${this.identity} is shutting down; another worker continues this unit.`,
            type: 'WorkerShutdown',
            nextRetryDelay: SHUTDOWN_RETRY_MS,
          }),
        );
      case 'paused':
        return this.#withoutCost(
          ApplicationFailure.create({
            message: 'The run is paused.',
            type: 'Paused',
            nextRetryDelay: PAUSED_RETRY_MS,
          }),
        );
      case 'lost':
        throw new CancelledFailure(String(reason));
    }
  }

  /** Fails the attempt with its error, unless the stage is the cause: the next attempt tries that again. */
  async afterError(error: unknown): Promise<never> {
    const away = stageTrouble(error);
    if (away !== null) return this.toAnotherWorker(away.message, away.type, { stageRefused: true });
    // The last attempt reports it when it gives up. A failure that Partwise made has its own message.
    if (!(error instanceof ApplicationFailure) && !(error instanceof CancelledFailure))
      await this.note({ lastError: errorOf(error) });
    throw error;
  }

  /** Ends this attempt without charging the retry budget. */
  async #withoutCost(failure: ApplicationFailure, more: Partial<UnitBeat> = {}): Promise<never> {
    await this.note({ shutdowns: this.before.shutdowns + 1, ...more });
    throw failure;
  }
}

/**
 * The error of a stage that does not answer or that this worker cannot use: an unreliable mount, expired
 * credentials, no room for copies of its files. Null for other errors.
 */
function stageTrouble(error: unknown): { type: string; message: string } | null {
  if (error instanceof StageUnavailable) return { type: error.name, message: error.message };
  if (error instanceof Refusal && error.type === 'StageUnreachable')
    return { type: error.type, message: error.message };
  // A failure has the error of a function, which may be about a disk of its own.
  if (!(error instanceof ApplicationFailure) && isFullDisk(error)) {
    const { message } = error as Error;
    const places = "the project's scratch folder (.partwise/scratch) or the system's temporary folder";
    const remedy = `Free up space on the disk that holds ${places}; the run then continues automatically.`;
    return { type: StageUnavailable.name, message: `The worker's disk is full: ${message}. ${remedy}` };
  }
  return null;
}

function errorOf(error: unknown): { type: string; message: string } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { type: name.slice(0, 200), message: message.slice(0, 1_000) };
}
