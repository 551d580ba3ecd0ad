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

  /** Created on first access, since few functions use it. */
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

  /** Settles like `work`, or rejects first if there is an uncaught error. */
  orUncaught<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      work.then(resolve, reject);
    });
  }

  fail(error: unknown): void {
    this.#fail?.(error);
    this.abort(new Error('The call was ended by an uncaught error.'));
  }
}
