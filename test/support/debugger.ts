/** The client side of Node's inspector: as much of WebSocket and the DevTools protocol as a test needs. */
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Paused {
  reason: string;
  callFrames: {
    functionName: string;
    location: { scriptId: string; lineNumber: number; columnNumber: number };
  }[];
}

export interface Script {
  scriptId: string;
  url: string;
  sourceMapURL: string;
}

export class TestDebugger {
  /** Scripts that the process has loaded, by id, since `Debugger.enable`. */
  readonly scripts = new Map<string, Script>();
  private readonly messages = new EventEmitter();
  private id = 0;
  private rest = Buffer.alloc(0);

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => this.receive(bytes));
    this.messages.on('Debugger.scriptParsed', (script: Script) => this.scripts.set(script.scriptId, script));
  }

  static async attach(url: string): Promise<TestDebugger> {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const key = randomBytes(16).toString('base64');
    socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    await once(socket, 'data');
    return new TestDebugger(socket);
  }

  async ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.id;
    const answer = once(this.messages, `answer ${id}`);
    this.send(JSON.stringify({ id, method, params }));
    return ((await answer) as [Record<string, unknown>])[0];
  }

  /** The next event of this name; call it before the action that causes the event. */
  async next<T>(event: string): Promise<T> {
    return ((await once(this.messages, event)) as [T])[0];
  }

  close(): void {
    this.socket.destroy();
  }

  private send(text: string): void {
    const payload = Buffer.from(text);
    const mask = randomBytes(4);
    const head = Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff]);
    this.socket.write(Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i % 4]!)]));
  }

  private receive(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      if (this.rest.length < 2) return;
      const short = this.rest[1]! & 0x7f;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (this.rest.length < head) return;
      const length =
        short === 126
          ? this.rest.readUInt16BE(2)
          : short === 127
            ? Number(this.rest.readBigUInt64BE(2))
            : short;
      if (this.rest.length < head + length) return;
      const payload = this.rest.subarray(head, head + length).toString('utf8');
      const isText = (this.rest[0]! & 0x0f) === 1;
      this.rest = this.rest.subarray(head + length);
      if (!isText) continue;
      const message = JSON.parse(payload) as {
        id?: number;
        result?: unknown;
        method?: string;
        params?: unknown;
      };
      if (message.id !== undefined) this.messages.emit(`answer ${message.id}`, message.result);
      else this.messages.emit(message.method!, message.params);
    }
  }
}
