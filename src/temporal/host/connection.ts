/** The command's side of the control channel. */
import { connect, type Socket } from 'node:net';
import type { Hello, HostRecord, HostRequest, HostState } from './protocol';
import { jsonLines } from './json-lines';
import { LOOPBACK } from '../ports';
import { isAlive } from '../../files/is-alive';
import { readJson, type StateFolder } from '../state-folder';

const ANSWER_WITHIN_MS = 5_000;

/**
 * Connects to the project's host, or returns null if none responds. The token reveals a `host.json` left
 * behind by a killed host: another process on its port does not respond with a state.
 */
export async function connectHost(
  folder: StateFolder,
  options: { attach: boolean },
): Promise<HostConnection | null> {
  const record = readJson<HostRecord>(folder.hostFile);
  if (record === null || record.projectDir !== folder.projectDir || !isAlive(record.pid)) return null;
  const socket = connect(record.port, LOOPBACK);
  const hello: Hello = { token: record.token, attach: options.attach };
  return new Promise((resolve) => {
    const timeout = setTimeout(() => socket.destroy(), ANSWER_WITHIN_MS);
    let connection: HostConnection | null = null;
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timeout);
      resolve(null);
      connection?.lost();
    });
    socket.once('connect', () => socket.write(`${JSON.stringify(hello)}\n`));
    jsonLines(socket, (message) => {
      if (connection !== null) {
        connection.update(message as HostState);
        return;
      }
      if ((message as HostState).pid !== record.pid) {
        socket.destroy();
        return;
      }
      clearTimeout(timeout);
      connection = new HostConnection(socket, message as HostState);
      resolve(connection);
    });
  });
}

export class HostConnection {
  /** Resolves when either side closes the connection. */
  readonly closed: Promise<void>;
  onChange: (() => void) | null = null;
  private markClosed!: () => void;

  constructor(
    private readonly socket: Socket,
    public state: HostState,
  ) {
    this.closed = new Promise((resolve) => (this.markClosed = resolve));
  }

  send(request: HostRequest): void {
    this.socket.write(`${JSON.stringify(request)}\n`);
  }

  /** Lets the process exit while it is attached. */
  unref(): void {
    this.socket.unref();
  }

  close(): void {
    this.socket.destroy();
  }

  update(state: HostState): void {
    this.state = state;
    this.onChange?.();
  }

  lost(): void {
    this.markClosed();
    this.onChange?.();
  }
}
