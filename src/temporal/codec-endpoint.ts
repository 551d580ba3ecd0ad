/**
 * A remote codec, as Temporal's web UI and CLI use it to show payloads that only the project can decode:
 * `POST …/decode` and `…/encode`, with payloads as JSON.
 *
 * Whoever can use it reads every payload. So it listens on loopback, below a path that is a secret, and
 * answers only requests that name this machine (a page could otherwise reach it by DNS rebinding) and come
 * from the web UI's origin, or from a program.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { KeyUnavailable } from '../trust/payload-keys';
import { payloadFromJson, payloadToJson, type PayloadJson } from '../trust/payload-json';
import { isOwnHost, LOOPBACK } from './ports';

/** Far more than the history of one page of Temporal's web UI. */
const MAX_BYTES = 64 * 1024 * 1024;
const OPERATIONS = ['encode', 'decode'] as const;
export type CodecOperation = (typeof OPERATIONS)[number];

/** Answers a request whose right to ask was checked. */
export async function answerCodec(
  codecs: readonly PayloadCodec[],
  operation: CodecOperation,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const answer = (status: number, body: string, type: string): void =>
    void outgoing.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
  try {
    const payloads = payloadsIn(await bodyOf(incoming));
    if (payloads === null) {
      answer(400, 'The body is not JSON of the form {"payloads": […]}.\n', 'text/plain');
      return;
    }
    const coded = await (operation === 'encode' ? encode(codecs, payloads) : decode(codecs, payloads));
    answer(200, JSON.stringify({ payloads: coded.map(payloadToJson) }), 'application/json');
  } catch (error) {
    const sentence =
      error instanceof KeyUnavailable || error instanceof TooLarge
        ? error.message
        : 'A payload cannot be decoded.';
    answer(400, `${sentence}\n`, 'text/plain');
  }
}

/** `path`: what follows the endpoint's own. The web UI adds a query, which codecs have no use for. */
export function operationOf(path: string): CodecOperation | null {
  return OPERATIONS.find((operation) => path.replace(/\?.*/, '') === `/${operation}`) ?? null;
}

export interface CodecEndpoint {
  /** Without `/decode`. */
  readonly url: string;
  close(): void;
}

/** `origins` are those of web UIs whose pages may ask; `path` begins with a slash, and is the secret. */
export async function serveCodec(
  codecs: readonly PayloadCodec[],
  { port, path, origins }: { port: number; path: string; origins: readonly string[] },
): Promise<CodecEndpoint> {
  const server = createServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    const { host, origin } = headers;
    const operation = url.startsWith(`${path}/`) ? operationOf(url.slice(path.length)) : null;
    const isOwnOrigin = origin === undefined || origins.includes(origin);
    if (!isOwnHost(host, address()) || !isOwnOrigin || operation === null) {
      const why = 'This answers Temporal\'s web UI and CLI at the URL that "partwise codec" has printed.';
      outgoing.writeHead(403, { 'content-type': 'text/plain' }).end(`${why}\n`);
      return;
    }
    outgoing.setHeader('vary', 'origin');
    if (origin !== undefined) outgoing.setHeader('access-control-allow-origin', origin);
    if (method === 'OPTIONS') {
      outgoing.writeHead(204, {
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'content-type, x-namespace, authorization',
        // A web UI on another machine asks first whether a page of its may reach this one.
        'access-control-allow-private-network': 'true',
      });
      outgoing.end();
    } else if (method === 'POST') void answerCodec(codecs, operation, incoming, outgoing);
    else outgoing.writeHead(405, { allow: 'POST, OPTIONS' }).end();
  });
  const address = (): number => (server.address() as { port: number }).port;
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  return {
    url: `http://${LOOPBACK}:${address()}${path}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

class TooLarge extends Error {}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let bytes = 0;
  return text(
    (async function* () {
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) throw new TooLarge(`The body is larger than ${MAX_BYTES / 2 ** 20} MiB.`);
        yield chunk;
      }
    })(),
  );
}

function payloadsIn(body: string): Payload[] | null {
  try {
    const { payloads } = JSON.parse(body) as { payloads?: unknown };
    return Array.isArray(payloads) ? (payloads as PayloadJson[]).map(payloadFromJson) : null;
  } catch {
    return null;
  }
}

/** In the SDK's order: the first codec encodes first, and decodes last. */
async function encode(codecs: readonly PayloadCodec[], payloads: Payload[]): Promise<Payload[]> {
  let coded = payloads;
  for (const codec of codecs) coded = await codec.encode(coded);
  return coded;
}

async function decode(codecs: readonly PayloadCodec[], payloads: Payload[]): Promise<Payload[]> {
  let coded = payloads;
  for (const codec of [...codecs].reverse()) coded = await codec.decode(coded);
  return coded;
}
