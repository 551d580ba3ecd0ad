/** A reverse proxy that authenticates its users with a password, and names them in X-Forwarded-User. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export const PASSWORD = 'a password';

export interface AuthProxy {
  /** As browsers send it in `Host`. */
  readonly host: string;
  /** Passes all requests on to the server at this port, with their own `Host`. */
  passTo(port: number): void;
  /** Sends its users to sign in again, or no longer does. */
  expire(isExpired: boolean): void;
  close(): void;
}

export async function startAuthProxy(): Promise<AuthProxy> {
  let port = 0;
  let isExpired = false;
  const server = createServer((incoming, outgoing) => {
    const [, credentials = ''] = (incoming.headers.authorization ?? '').split('Basic ');
    const [user = '', password] = Buffer.from(credentials, 'base64').toString().split(':');
    if (password !== PASSWORD) {
      outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="test", charset="UTF-8"' }).end();
      return;
    }
    if (isExpired) {
      outgoing.writeHead(302, { location: 'https://sign-in.test/' }).end();
      return;
    }
    const { authorization: _, ...headers } = incoming.headers;
    const name = Buffer.from(user).toString('latin1');
    const { method, url: path } = incoming;
    const passed = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { ...headers, 'x-forwarded-user': name },
    });
    passed.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    outgoing.on('close', () => passed.destroy());
    incoming.pipe(passed);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    passTo: (to) => (port = to),
    expire: (is) => (isExpired = is),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
