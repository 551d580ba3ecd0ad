/**
 * Messages between a worker and a runner, over a socket that both have from the start (`message-bytes`).
 * Node's IPC channel is not used, because it belongs to the whole process: any code can send on it, close it
 * (`process.send`, `process.disconnect`) or remove its listeners.
 */
import type { Socket } from 'node:net';
import {
  decodeMessage,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  PREFIX_BYTES,
  UndecodableMessage,
} from './message-bytes';
import type { FromRunner, ToRunner } from './protocol';

/** The socket's descriptor in a runner. */
export const CHANNEL_FD = 3;

/**
 * Exit code of a runner whose channel or call record was closed or replaced: it cannot say so in a message.
 */
export const CLOSED_EXIT_CODE = 95;

interface ChannelEvents {
  onMessage: (message: unknown) => void;
  /** Called if what arrived is not a message; nothing is read after it. */
  onBroken: (why: string) => void;
  onClose?: () => void;
}

export class Channel {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** Bytes that the next step needs: those of the prefix, or of a whole message. */
  #wanted = PREFIX_BYTES;
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

  /** Does nothing if the other end is gone. */
  send(message: ToRunner | FromRunner): void {
    if (this.socket.writable) this.socket.write(encodeMessage(message));
  }

  #take(bytes: Buffer): void {
    if (this.#broken) return;
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    // Concatenated only when there is enough: a large message arrives in thousands of parts.
    while (this.#bytes >= this.#wanted && !this.#broken) {
      const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
      this.#parts = [all];
      const headerEnd = PREFIX_BYTES + all.readUInt32LE(0);
      const end = headerEnd + all.readUInt32LE(4);
      if (end > MAX_MESSAGE_BYTES) return this.#break(`is larger than ${MAX_MESSAGE_BYTES / 2 ** 20} MiB`);
      if (all.length < end) {
        this.#wanted = end;
        continue;
      }
      this.#parts = all.length === end ? [] : [all.subarray(end)];
      this.#bytes = all.length - end;
      this.#wanted = PREFIX_BYTES;
      this.#read(all.subarray(PREFIX_BYTES, headerEnd), all.subarray(headerEnd, end));
    }
  }

  #read(header: Buffer, body: Buffer): void {
    let message: unknown;
    try {
      message = decodeMessage(header, body);
    } catch (error) {
      return this.#break(error instanceof UndecodableMessage ? error.message : 'cannot be decoded');
    }
    this.events.onMessage(message);
  }

  #break(why: string): void {
    this.#broken = true;
    this.#parts = [];
    this.events.onBroken(why);
  }
}
