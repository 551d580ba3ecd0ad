import type { CallOf, OutputCapture } from './output-capture';

/** The call that is running. */
export class Running implements CallOf {
  timeoutMs: number | null = null;
  readonly unit: number;
  #abort: AbortController | null = null;
  #reason: Error | null = null;
  #fail: ((error: unknown) => void) | null = null;

  constructor(
    readonly ordinal: number,
    readonly attempt: number,
    output: OutputCapture,
  ) {
    this.unit = output.unit;
  }

  /** Made when somebody looks: few functions do. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#reason !== null) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.#abort?.abort(reason);
  }

  /** Rejects with an error that nobody caught, when that comes first. */
  orUncaught<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      work.then(resolve, reject);
    });
  }

  fail(error: unknown): void {
    this.#fail?.(error);
    this.abort(new Error('The call has ended by an error that nobody caught.'));
  }
}
