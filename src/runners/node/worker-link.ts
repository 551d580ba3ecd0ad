/**
 * The runner's end of the conversation with its worker: messages out, and requests that the worker answers.
 */
import type { ErrorInfo } from '../../core/outcome';
import { CALLS_FD } from '../call-record';
import type { Channel } from '../channel';
import type { Offsets } from '../output-files';
import type { QueryAnswer } from '../../core/warehouse-access';
import type { FromRunner, ToRunner } from '../protocol';
import { decodeValue } from '../tagged-values';
import { CallWriter } from './call-writer';
import { WrittenOutput } from './written-output';

/** Where what happens in a unit is told, and who does for its functions what they cannot do themselves. */
export interface UnitLink {
  /** The next partition's function is about to be called. */
  begin(): void;
  /** It has ended; what follows (writing rows) is not its time. Resolves when the next may begin. */
  end(): void | Promise<void>;
  send(message: FromRunner): void;
  /** `signal`: nobody waits for the answer any more; for what is asked of a warehouse. */
  ask(request: Asked, signal?: AbortSignal): Promise<unknown>;
}

type Request = Extract<FromRunner, { type: 'upload' | 'download' | 'model' | 'query' | 'rows' }>;
/** A request without its number. */
export type Asked = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

/** What the worker could not do for the function; its type travels. */
class RequestFailed extends Error {
  override name: string;
  readonly nonRetryable: boolean;
  constructor(error: Pick<ErrorInfo, 'type' | 'message'> & { nonRetryable: boolean }) {
    super(error.message);
    this.name = error.type;
    this.nonRetryable = error.nonRetryable;
  }
}

/** What outlives the units of a runner. */
export interface RunnerState {
  readonly channel: Channel;
  readonly calls: CallWriter;
  readonly written: WrittenOutput;
  /** Puts back what a call before may have changed for all. */
  readonly restore: () => void;
}

export function openState(channel: Channel, restore: () => void): RunnerState {
  return { channel, calls: new CallWriter(CALLS_FD), written: new WrittenOutput(), restore };
}

/** Numbers are never given twice, so that no answer reaches another question. */
let requests = 0;

/** A unit's, until it has ended: what its functions left running has no say in the next one. */
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
    // While the functions file was loaded. Later on, it is of what an earlier unit left running.
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

  /** Says whose the output since `from` is; false: there is none. */
  private printed([stdout, stderr]: Offsets, call: number | null): boolean {
    const to = this.process.written.advance();
    if (to === null) return false;
    // A file that is shorter now was emptied by what wrote to it.
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
    this.send({ ...request, id } as Request);
    try {
      const value = await answered;
      return request.type === 'query' ? valuesOf(value as QueryAnswer) : value;
    } catch (error) {
      signal?.throwIfAborted();
      // Made again here, so that the stack leads to the caller.
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
