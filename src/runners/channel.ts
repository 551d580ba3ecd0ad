/**
 * Messages between a worker and a runner, over a socket that both have from the start: a length of four bytes, then the message as
 * a structured clone. Node's own channel for child processes would do the same, but it belongs to the whole process: any code can
 * send on it, close it (`process.send`, `process.disconnect`) or take its listeners away.
 */
import type { Socket } from 'node:net';
import { deserialize, DefaultSerializer } from 'node:v8';

/** Of the socket, in a runner. */
export const CHANNEL_FD = 3;

/** Of one message. */
const MAX_BYTES = 256 * 1024 * 1024;
const LENGTH_BYTES = 4;

interface ChannelEvents {
  onMessage: (message: unknown) => void;
  /** What arrived is not a message; nothing is read after it. */
  onBroken: (why: string) => void;
  onClose?: () => void;
}

export class Channel {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Bytes that the next step needs: a length, or a length and its message. */
  #wanted = LENGTH_BYTES;
  #broken = false;

  constructor(
    private readonly socket: Socket,
    private readonly events: ChannelEvents,
  ) {
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    // The other end has died; the socket closes next.
    socket.on('error', () => undefined);
    socket.on('close', () => events.onClose?.());
  }

  /** Nothing is sent to an end that is gone. */
  send(message: object): void {
    if (!this.socket.writable) return;
    const serializer = new DefaultSerializer();
    serializer.writeRawBytes(Buffer.alloc(LENGTH_BYTES));
    serializer.writeHeader();
    serializer.writeValue(message);
    const bytes = serializer.releaseBuffer();
    bytes.writeUInt32LE(bytes.length - LENGTH_BYTES);
    this.socket.write(bytes);
  }

  #take(bytes: Buffer): void {
    if (this.#broken) return;
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    // Joined only when there is enough: a large message arrives in thousands of parts.
    while (this.#bytes >= this.#wanted && !this.#broken) {
      const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
      this.#parts = [all];
      const length = all.readUInt32LE();
      if (length > MAX_BYTES) return this.#break(`is larger than ${MAX_BYTES / 2 ** 20} MiB`);
      const end = LENGTH_BYTES + length;
      if (all.length < end) {
        this.#wanted = end;
        continue;
      }
      this.#parts = all.length === end ? [] : [all.subarray(end)];
      this.#bytes = all.length - end;
      this.#wanted = LENGTH_BYTES;
      this.#read(all.subarray(LENGTH_BYTES, end));
    }
  }

  #read(bytes: Buffer): void {
    let message: unknown;
    try {
      message = deserialize(bytes);
    } catch {
      return this.#break('cannot be decoded');
    }
    this.events.onMessage(message);
  }

  #break(why: string): void {
    this.#broken = true;
    this.#parts = [];
    this.events.onBroken(why);
  }
}
