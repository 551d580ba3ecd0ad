/** The host's side of the control channel. */
import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Hello, HostRequest, HostState } from './protocol';
import { jsonLines } from './json-lines';
import { LOOPBACK } from '../ports';

const HELLO_WITHIN_MS = 5_000;

export interface HostListenerOptions {
  token: string;
  state: () => HostState;
  /** A command attached or went away. */
  onAttached: (change: 'came' | 'went') => void;
  onRequest: (request: HostRequest) => void;
}

export class HostListener {
  private readonly server: Server;
  /** Greeted connections, and whether they are attached. */
  private readonly peers = new Map<Socket, boolean>();
  private announcing = false;

  constructor(private readonly options: HostListenerOptions) {
    this.server = createServer((socket) => this.greet(socket));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(0, LOOPBACK, resolve);
    });
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get attached(): number {
    return [...this.peers.values()].filter(Boolean).length;
  }

  /** Sends the state to all commands, once for all changes in the same tick. */
  announce(): void {
    if (this.announcing) return;
    this.announcing = true;
    setImmediate(() => {
      this.announcing = false;
      const line = `${JSON.stringify(this.options.state())}\n`;
      for (const socket of this.peers.keys()) socket.write(line);
    });
  }

  /** Stops accepting commands; connected ones stay connected until `close`. */
  stopListening(): void {
    this.server.close();
  }

  close(): void {
    this.stopListening();
    for (const socket of this.peers.keys()) socket.destroy();
  }

  private greet(socket: Socket): void {
    const timeout = setTimeout(() => socket.destroy(), HELLO_WITHIN_MS);
    socket.setNoDelay(true);
    // An error is followed by 'close'.
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timeout);
      const wasAttached = this.peers.get(socket);
      this.peers.delete(socket);
      if (wasAttached) this.options.onAttached('went');
    });
    jsonLines(socket, (message) => {
      if (this.peers.has(socket)) {
        this.options.onRequest(message as HostRequest);
        return;
      }
      const { token, attach } = message as Partial<Hello>;
      if (!this.isValid(token)) {
        socket.destroy();
        return;
      }
      clearTimeout(timeout);
      this.peers.set(socket, attach === true);
      if (attach === true) this.options.onAttached('came');
      else this.announce();
    });
  }

  private isValid(token: unknown): boolean {
    const given = Buffer.from(typeof token === 'string' ? token : '');
    const expected = Buffer.from(this.options.token);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}
