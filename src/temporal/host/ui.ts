/**
 * Temporal's own web UI, which the server serves, behind a guard.
 *
 * The UI passes requests on to the server, and accepts any `Host`: a web page that the user has open could
 * read all runs, and change them, by DNS rebinding. So browsers cannot reach the UI itself, only the guard,
 * which answers requests that name this machine, come from no other page, and know the path.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import type { PayloadCodec } from '@temporalio/common';
import { answerCodec, operationOf } from '../codec-endpoint';
import { freePort, isFree, isOwnHost, LOOPBACK } from '../ports';

/** Where the server is to serve its UI. */
export interface UiPlace {
  ip: string;
  port: number;
  /** Begins with a slash. */
  path: string;
  /** Where the UI's pages have payloads decoded; null: nowhere. */
  codecEndpoint: string | null;
}

export interface GuardedUi {
  readonly place: UiPlace;
  /** For the user's browser. */
  readonly url: string;
  close(): void;
}

/** Temporal's default. */
const UI_PORT = 8233;
/** Browsers refuse to connect to these ports (Fetch Standard, "bad port"). */
const BLOCKED_PORTS = [6666, 6665, 6667, 6668, 6669, 6679, 6697, 10080];

/** `codecs`: those that decode payloads for the UI's pages. */
export async function guardUi(codecs: readonly PayloadCodec[]): Promise<GuardedUi> {
  const path = `/${randomBytes(16).toString('hex')}`;
  const port = (await isFree(UI_PORT)) ? UI_PORT : await freePort();
  const codecPath = `${path}/codec`;
  const codecEndpoint = codecs.length === 0 ? null : `http://${LOOPBACK}:${port}${codecPath}`;
  const place = { ...(await hiddenAddress()), path, codecEndpoint };
  const guard = createServer((incoming, outgoing) => {
    const refuse = (status: number, sentence: string): void =>
      void outgoing.writeHead(status, { 'content-type': 'text/plain' }).end(`${sentence}\n`);
    if (!isOwn(incoming, port, place.path)) {
      refuse(403, 'Open Temporal\'s web UI at the URL that "partwise dev --ui" has printed.');
      return;
    }
    const { method, url = '', headers } = incoming;
    const operation = url.startsWith(codecPath) ? operationOf(url.slice(codecPath.length)) : null;
    if (codecEndpoint !== null && method === 'POST' && operation !== null) {
      void answerCodec(codecs, operation, incoming, outgoing);
      return;
    }
    const forwarded = request({ host: place.ip, port: place.port, method, path: url, headers }, (answer) => {
      // The path is a secret, which links to other sites must not pass on.
      outgoing.writeHead(answer.statusCode!, { ...answer.headers, 'referrer-policy': 'same-origin' });
      pipeline(answer, outgoing, () => {});
    });
    forwarded.on('error', () => {
      if (outgoing.headersSent) outgoing.destroy();
      else refuse(503, 'The Temporal server is not ready. Try again in a few seconds.');
    });
    pipeline(incoming, forwarded, () => {});
  });
  guard.listen(port, LOOPBACK);
  await once(guard, 'listening');
  return {
    place,
    url: `http://${LOOPBACK}:${port}${place.path}/`,
    close: () => {
      guard.close();
      guard.closeAllConnections();
    },
  };
}

function isOwn({ url = '', headers }: IncomingMessage, port: number, path: string): boolean {
  const { host, origin, 'sec-fetch-site': site = 'none' } = headers;
  return (
    isOwnHost(host, port) &&
    (url === path || url.startsWith(`${path}/`)) &&
    (origin === undefined || origin === `http://${host}`) &&
    (site === 'none' || site === 'same-origin')
  );
}

/**
 * A port that browsers block, on an address that no page can guess. Where only 127.0.0.1 is a loopback
 * address, as on macOS, the port alone hides it.
 */
async function hiddenAddress(): Promise<{ ip: string; port: number }> {
  const random = ['127', ...Array.from({ length: 3 }, () => randomInt(1, 255))].join('.');
  for (const ip of [random, LOOPBACK]) {
    for (const port of BLOCKED_PORTS) if (await isFree(port, ip)) return { ip, port };
  }
  throw new Error(
    `Temporal's web UI needs one of the ports ${BLOCKED_PORTS.join(', ')}, and all are in use. Free one, or start partwise dev without --ui.`,
  );
}
