/** Records the running call in a file that is shared with the worker: see `call-record`. */
import { writeSync } from 'node:fs';
import { CALL_FIELDS, monotonicMs } from '../call-record';
import type { Offsets } from '../output-files';

export class CallWriter {
  readonly #fields = new Float64Array(CALL_FIELDS);
  readonly #bytes = new Uint8Array(this.#fields.buffer);

  constructor(private readonly fd: number) {}

  /** Records the start of the next call. */
  begin(output: Offsets): void {
    this.#fields[1]!++;
    this.#fields[2] = 1;
    this.#fields[3] = monotonicMs();
    this.#fields[4] = output[0];
    this.#fields[5] = output[1];
    this.#write();
  }

  /** The number of the current or last call. */
  get number(): number {
    return this.#fields[1]! - 1;
  }

  end(): void {
    this.#fields[2] = 0;
    this.#write();
  }

  #write(): void {
    this.#fields[6] = ++this.#fields[0]!;
    writeSync(this.fd, this.#bytes, 0, this.#bytes.length, 0);
  }
}
