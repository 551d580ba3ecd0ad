/** API keys as a server with Temporal's default authorizer takes them: signed tokens with permissions. */
import { createServer } from 'node:http';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

const KEY_ID = 'test';

export interface TokenIssuer {
  /** `global.authorization` of the server's configuration. */
  readonly authorization: Record<string, unknown>;
  /** `permissions` such as `my-namespace:write`; `temporal-system:admin` is allowed everything. */
  token(permissions: readonly string[], expiresInSeconds?: number): string;
  close(): void;
}

/** Serves the public key on loopback. */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, use: 'sig', alg: 'ES256' };
  const server = createServer((_, answer) => void answer.end(JSON.stringify({ keys: [key] })));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    authorization: {
      authorizer: 'default',
      claimMapper: 'default',
      jwtKeyProvider: { keySourceURIs: [`http://127.0.0.1:${port}/keys`] },
    },
    token(permissions, expiresInSeconds = 3_600) {
      const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const exp = Math.floor(Date.now() / 1_000) + expiresInSeconds;
      const text = `${part({ alg: 'ES256', kid: KEY_ID, typ: 'JWT' })}.${part({ sub: 'test', permissions, exp })}`;
      const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${text}.${signature.toString('base64url')}`;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
