/** The runner's end of the channel to its worker: messages out, and requests that the worker answers. */
import type { ErrorInfo } from '../run/outcome';
import { CALLS_FD, CallWriter } from './call-record';
import type { FromRunner, ToRunner } from './protocol';

/** Where what happens in a unit is told, and who does for its functions what they cannot do themselves. */
export interface UnitLink {
  /** The next partition's function is about to be called. */
  begin(attempt: number): void;
  /** It has ended; what follows (writing rows) is not its time. */
  end(): void;
  send(message: FromRunner): void;
  /** `signal`: nobody waits for the answer any more; for what is asked of a warehouse. */
  ask(request: Asked, signal?: AbortSignal): Promise<unknown>;
}

type Request = Extract<FromRunner, { type: 'upload' | 'download' | 'query' | 'rows' }>;
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

export class WorkerLink implements UnitLink {
  private readonly calls = new CallWriter(CALLS_FD);
  private lastId = 0;
  private readonly open = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();

  begin(attempt: number): void {
    this.calls.begin(attempt);
  }

  end(): void {
    this.calls.end();
  }

  send(message: FromRunner): void {
    // The worker may be gone; the watchdog sees to that.
    if (process.connected) process.send!(message, undefined, undefined, () => undefined);
  }

  async ask(request: Asked, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    const id = ++this.lastId;
    const answered = new Promise<unknown>((resolve, reject) => this.open.set(id, { resolve, reject }));
    const cancel = (): void => {
      this.send({ type: 'cancelQueries', ids: [id] });
      this.open.get(id)?.reject(signal!.reason as Error);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    this.send({ ...request, id } as Request);
    try {
      return await answered;
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
