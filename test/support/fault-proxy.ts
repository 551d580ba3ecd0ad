/** A proxy between a driver and its server that simulates faults of networks and services. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface Fault {
  /**
   * `reset`: the connection breaks; `lost`: the request is executed, but its answer is lost; `403`, `503`:
   * that status; `hold`: the request waits until it is released.
   */
  kind: 'reset' | 'lost' | '403' | '503' | 'hold';
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
  /** Sets the target of further requests. */
  target(url: string): void;
  close(): Promise<void>;
}

/** The body that S3 sends. */
const FORBIDDEN = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';

/** `without`: a header that is removed from every request. */
export async function startFaultProxy({ without = '' }: { without?: string } = {}): Promise<FaultProxy> {
  let target = '';
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
    const body = await bytesOf(incoming);
    const statement = statementIn(incoming, body);
    const fault = faultFor(incoming, statement);
    if (fault !== undefined) {
      fault.times--;
      met.push({ kind: fault.kind, statement });
    }
    if (fault?.kind === 'reset') return void incoming.socket.destroy();
    if (fault?.kind === '403') return void answer.writeHead(403).end(FORBIDDEN);
    if (fault?.kind === '503') return void answer.writeHead(503).end('busy');
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
    answer.writeHead(response.statusCode!, response.headers).end(content);
  };

  const server = createServer((incoming, answer) => void handle(incoming, answer).catch(() => {}));
  // Only faults close connections.
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    requests,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
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
    target: (url) => void (target = url),
    async close() {
      for (const release of holding) release();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function statementIn({ url, headers }: IncomingMessage, body: Buffer): string | null {
  if (!url!.startsWith('/queries/v1/query-request')) return null;
  const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  return (JSON.parse(text.toString()) as { sqlText: string }).sqlText;
}
