/**
 * The runner's end of the connection to its worker: messages, and requests that the worker answers.
 */
import type { ErrorInfo } from '../../core/outcome';
import { CALLS_FD } from '../call-record';
import type { Channel } from '../channel';
import type { Offsets } from '../output-files';
import type { QueryAnswer } from '../../core/warehouse-access';
import type { Asked, FromRunner, ToRunner } from '../protocol';
import { decodeValue } from '../tagged-values';
import { CallWriter } from './call-writer';
import { WrittenOutput } from './written-output';

/** Reports a unit's progress, and handles requests of its functions. */
export interface UnitLink {
  /** Records that the next partition's function is about to be called. */
  begin(): void;
  /**
   * Records that it has ended; later work (writing rows) does not count as its time. Resolves when the next
   * one may start.
   */
  end(): void | Promise<void>;
  send(message: FromRunner): void;
  /** `signal` abandons the request; it is used for requests to a warehouse. */
  ask(request: Asked, signal?: AbortSignal): Promise<unknown>;
}

/** The worker could not do what the function asked for. It keeps the type of the worker's error. */
class RequestFailed extends Error {
  override name: string;
  readonly nonRetryable: boolean;
  constructor(error: Pick<ErrorInfo, 'type' | 'message'> & { nonRetryable: boolean }) {
    super(error.message);
    this.name = error.type;
    this.nonRetryable = error.nonRetryable;
  }
}

/** State that outlives a runner's units. */
export interface RunnerState {
  readonly channel: Channel;
  readonly calls: CallWriter;
  readonly written: WrittenOutput;
  /** Restores process state that an earlier call may have changed. */
  readonly restore: () => void;
}

export function openState(channel: Channel, restore: () => void): RunnerState {
  return { channel, calls: new CallWriter(CALLS_FD), written: new WrittenOutput(), restore };
}

/** Ids are never reused, so that a late answer cannot reach a different request. */
let requests = 0;

/** A unit's link, which is closed with the unit, so that its leftover code cannot affect the next unit. */
export class WorkerLink implements UnitLink {
  private readonly open = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  private isFirst = true;
  private isClosed = false;

  constructor(private readonly process: RunnerState) {}

  begin(): void {
    const { calls, written, restore } = this.process;
    // enforces I5
    restore();
    // Before the first call, this is output of loading the functions file; later, of an earlier unit's
    // leftovers.
    if (calls.number < 0) this.printed(written.offsets, null);
    else if (this.isFirst) written.advance();
    this.isFirst = false;
    calls.begin(written.offsets);
  }

  end(): void | Promise<void> {
    const { calls, written } = this.process;
    calls.end();
    if (this.printed(written.offsets, calls.number) && written.isLarge) return this.dropOutput();
  }

  /** Reports which call the output since the given offsets belongs to. Returns false if there is none. */
  private printed([stdout, stderr]: Offsets, call: number | null): boolean {
    const to = this.process.written.advance();
    if (to === null) return false;
    // A file that is shorter now was truncated by a writer.
    const from: Offsets = [to[0] < stdout ? 0 : stdout, to[1] < stderr ? 0 : stderr];
    this.send({ type: 'printed', call, from, to });
    return true;
  }

  private async dropOutput(): Promise<void> {
    await this.ask({ type: 'readOutput' });
    this.process.written.truncate();
  }

  close(): void {
    this.isClosed = true;
    const error = new Error('The unit has ended. Await everything that the function starts.');
    for (const { reject } of this.open.values()) reject(error);
  }

  send(message: FromRunner): void {
    if (!this.isClosed) this.process.channel.send(message);
  }

  async ask(request: Asked | { type: 'readOutput' }, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.isClosed) throw new Error('The unit has ended. Await everything that the function starts.');
    const id = ++requests;
    const answered = new Promise<unknown>((resolve, reject) => this.open.set(id, { resolve, reject }));
    const cancel = (): void => {
      this.send({ type: 'cancelQueries', ids: [id] });
      this.open.get(id)?.reject(signal!.reason as Error);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    this.send({ ...request, id } as FromRunner);
    try {
      const value = await answered;
      return request.type === 'query' ? valuesOf(value as QueryAnswer) : value;
    } catch (error) {
      signal?.throwIfAborted();
      // Created again here, so that the stack leads to the caller.
      throw error instanceof RequestFailed
        ? new RequestFailed({ type: error.name, message: error.message, nonRetryable: error.nonRetryable })
        : error;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.open.delete(id);
    }
  }

  answer(reply: Extract<ToRunner, { type: 'reply' }>): void {
    const waiting = this.open.get(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply.value);
    else waiting?.reject(new RequestFailed(reply.error));
  }
}

function valuesOf({ names, rows }: QueryAnswer): QueryAnswer {
  return { names, rows: rows.map((row) => row.map(decodeValue)) };
}
