/** A proxy between a driver and its server that simulates faults of networks and services. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';

/** Between parts of a body, which are at most 64 KiB. */
const SLOW_MS = 520;

export interface Fault {
  /**
   * `reset`: the connection breaks; `lost`: the request is executed, but its answer is lost; `cut`: the
   * connection breaks in the middle of the answer; a number: that status; `hold`: the request waits until it
   * is released; `slow`: its body takes more than a minute for 8 MiB.
   */
  kind: 'reset' | 'lost' | 'cut' | 'hold' | 'slow' | `${number}`;
  /** Of an answer with a status. */
  body?: string;
  /** Requests with a matching Snowflake statement; without it, requests of any kind. */
  statement?: RegExp;
  /** Matching requests such as `GET /path`; without it, all of them. */
  request?: RegExp;
  /** Default 1. */
  times?: number;
}

export interface FaultProxy {
  readonly url: string;
  /** Requests that were hit by a fault. */
  readonly met: { kind: Fault['kind']; statement: string | null }[];
  /** Answered requests such as `GET /path`, with the bytes of their bodies. */
  readonly requests: { request: string; sent: number; received: number }[];
  /** Adds a fault. The returned function removes it. */
  next(fault: Fault): () => void;
  /** Resolves when a request is held, with a function that releases it. */
  held(): Promise<() => void>;
  /** Removes this header from every further request. */
  leaveOut(header: string): void;
  /** Sets the target of further requests, and returns the proxy's own URL. */
  readonly through: (url: string) => string;
  close(): Promise<void>;
}

/** As S3 writes them. */
export const errorBody = (code: string, message: string): string =>
  `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;

const BODIES: Record<string, string> = { 403: errorBody('AccessDenied', 'Access Denied'), 503: 'busy' };

export async function startFaultProxy(): Promise<FaultProxy> {
  let target = '';
  let without = '';
  const faults: (Fault & { times: number })[] = [];
  const met: FaultProxy['met'] = [];
  const requests: FaultProxy['requests'] = [];
  const holding: (() => void)[] = [];
  let onHeld: (() => void) | null = null;

  const faultFor = ({ method, url }: IncomingMessage, statement: string | null) =>
    faults.find(
      (fault) =>
        fault.times > 0 &&
        (fault.request === undefined || fault.request.test(`${method} ${url}`)) &&
        (fault.statement === undefined || (statement !== null && fault.statement.test(statement))),
    );

  const handle = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const isSlow = faultFor(incoming, null)?.kind === 'slow';
    const body = await bytesOf(incoming, isSlow ? SLOW_MS : 0);
    const statement = statementIn(incoming, body);
    const fault = faultFor(incoming, statement);
    if (fault !== undefined) {
      fault.times--;
      met.push({ kind: fault.kind, statement });
    }
    if (fault?.kind === 'reset') return void incoming.socket.destroy();
    if (Number(fault?.kind) > 0)
      return void answer.writeHead(Number(fault!.kind)).end(fault!.body ?? BODIES[fault!.kind]);
    if (fault?.kind === 'hold') {
      await new Promise<void>((release) => {
        holding.push(release);
        onHeld?.();
      });
    }
    delete incoming.headers[without];
    const forwarded = request(new URL(incoming.url!, target), {
      method: incoming.method,
      headers: incoming.headers,
    });
    forwarded.on('error', () => incoming.socket.destroy());
    forwarded.end(body);
    const [response] = (await once(forwarded, 'response')) as [IncomingMessage];
    const content = await bytesOf(response);
    requests.push({
      request: `${incoming.method} ${incoming.url}`,
      sent: body.length,
      received: content.length,
    });
    if (fault?.kind === 'lost') return void incoming.socket.destroy();
    answer.writeHead(response.statusCode!, response.headers);
    if (fault?.kind !== 'cut') return void answer.end(content);
    answer.write(content.subarray(0, content.length / 2), () => incoming.socket.destroy());
  };

  const server = createServer((incoming, answer) => void handle(incoming, answer).catch(() => {}));
  // Only faults close connections.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    requests,
    url: own,
    met,
    next(fault) {
      const added = { times: 1, ...fault };
      faults.push(added);
      return () => void (added.times = 0);
    },
    async held() {
      if (holding.length === 0) await new Promise<void>((resolve) => (onHeld = resolve));
      return holding.shift()!;
    },
    leaveOut: (header) => void (without = header),
    through(url) {
      target = url;
      return own;
    },
    async close() {
      for (const release of holding) release();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** `pauseMs`: after each part. */
export async function bytesOf(stream: IncomingMessage, pauseMs = 0): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) {
    parts.push(part as Buffer);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  return Buffer.concat(parts);
}

function statementIn({ url, headers }: IncomingMessage, body: Buffer): string | null {
  if (!url!.startsWith('/queries/v1/query-request')) return null;
  const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  return (JSON.parse(text.toString()) as { sqlText: string }).sqlText;
}
