/**
 * What commands and workers report where TLS is the reason why they cannot connect. The server is openssl's,
 * which rejects certificates as Temporal's does; runs over TLS are in test/cluster.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { accepts, freePort } from '../src/temporal/ports';
import {
  HAS_OPENSSL,
  makeCertificates,
  type CertificateFiles,
  type Certificates,
} from './support/certificates';
import { cli } from './support/cli';
import { until } from './support/until';

(HAS_OPENSSL ? describe : describe.skip)('a server with TLS', () => {
  let folder: string;
  let certificates: Certificates;
  const servers: ChildProcess[] = [];
  let address: string;
  let expiredAddress: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'partwise-tls-'));
    certificates = makeCertificates(folder);
    writeFileSync(join(folder, 'garbage.pem'), 'no certificate\n');
    address = await serve(certificates.server);
    expiredAddress = await serve(certificates.expiredServer);
  });
  afterAll(() => {
    for (const server of servers) server.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Requires a certificate of `ca` from its clients. */
  async function serve({ cert, key }: CertificateFiles): Promise<string> {
    const port = await freePort();
    const args = ['-accept', `127.0.0.1:${port}`, '-cert', cert, '-key', key, '-alpn', 'h2', '-quiet'];
    const verifying = ['-CAfile', certificates.ca, '-Verify', '1', '-verify_return_error'];
    servers.push(
      spawn('openssl', ['s_server', ...args, ...verifying], { stdio: ['pipe', 'ignore', 'ignore'] }),
    );
    await until(() => accepts(port));
    return `127.0.0.1:${port}`;
  }

  interface Case {
    to?: string;
    ca?: string;
    client?: CertificateFiles;
    env?: NodeJS.ProcessEnv;
  }

  /** What a command prints. */
  async function problemOf(command: string, { to = address, ca, client, env }: Case): Promise<string> {
    const { code, stdout, stderr } = await cli(folder, [command], {
      TEMPORAL_ADDRESS: to,
      ...(ca !== undefined && { TEMPORAL_TLS_SERVER_CA_CERT_PATH: ca }),
      ...(client !== undefined && {
        TEMPORAL_TLS_CLIENT_CERT_PATH: client.cert,
        TEMPORAL_TLS_CLIENT_KEY_PATH: client.key,
      }),
      ...env,
    });
    expect(code).toBe(2);
    return stdout + stderr;
  }

  /** Each waits for Temporal's client to give up, so they do it together. */
  const problemsOf = (command: string, cases: Case[]): Promise<string[]> =>
    Promise.all(cases.map((each) => problemOf(command, each)));

  it.each(['list', 'worker', 'doctor'])(
    'is explained by %s with the file or the setting',
    async (command) => {
      const { ca, otherCa, client, expiredClient } = certificates;
      const [untrusted, none, expired] = await problemsOf(command, [
        { ca: otherCa, client },
        { ca },
        { ca, client: expiredClient },
      ]);
      expect(untrusted).toContain(
        `The certificate of the Temporal server at "${address}" is not signed by an authority in "${otherCa}". ` +
          'Set TEMPORAL_TLS_SERVER_CA_CERT_PATH (in a profile: server_ca_cert_path) to the certificate of the authority that signed it.',
      );
      expect(none).toContain(
        `The Temporal server at "${address}" requires a client certificate. Set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH (in a profile: client_cert_path and client_key_path).`,
      );
      expect(expired).toContain(`The client certificate "${expiredClient.cert}" expired on `);
      expect(expired).toContain('GMT. Replace it with a new one.');
    },
  );

  it('whose own certificate is not trusted, has expired or is for another name is explained', async () => {
    const { ca, client } = certificates;
    const [untrusted, expired, misnamed] = await problemsOf('list', [
      { client },
      { to: expiredAddress, ca, client },
      { ca, client, env: { TEMPORAL_TLS_SERVER_NAME: 'temporal.example' } },
    ]);
    expect(untrusted).toContain(
      'is not signed by an authority that this machine trusts. Set TEMPORAL_TLS_SERVER_CA_CERT_PATH',
    );
    expect(expired).toMatch(
      /The certificate of the Temporal server at "[^"]*" expired on .*GMT\. Whoever runs the server has to renew it\./,
    );
    expect(misnamed).toContain(
      'is valid for IP Address:127.0.0.1, DNS:localhost, but not for "temporal.example". Use an address that it is valid for, or set TEMPORAL_TLS_SERVER_NAME',
    );
  });

  it('that rejects a client certificate, or is given files that do not fit, is explained', async () => {
    const { ca, client, stranger } = certificates;
    const garbage = join(folder, 'garbage.pem');
    const [rejected, mismatch, notPem, half] = await problemsOf('list', [
      { ca, client: stranger },
      { ca, client: { ...client, key: stranger.key } },
      { ca, client: { ...client, cert: garbage } },
      { ca, env: { TEMPORAL_TLS_CLIENT_CERT_PATH: client.cert } },
    ]);
    expect(rejected).toContain(
      `The Temporal server at "${address}" rejects the client certificate "${stranger.cert}": it is not signed by an authority that the server trusts.`,
    );
    expect(mismatch).toContain(
      `The key "${stranger.key}" does not belong to the client certificate "${client.cert}".`,
    );
    expect(notPem).toContain(`The client certificate "${garbage}" is not a certificate in PEM format.`);
    expect(half).toContain('there is a client certificate without a key');
  });

  it('that is not expected to use TLS, or does not, is explained', async () => {
    const plain = createServer((socket) => socket.end('not TLS\n').on('error', () => {}));
    await once(plain.listen(0, '127.0.0.1'), 'listening');
    const { port } = plain.address() as AddressInfo;
    const { ca, client } = certificates;
    const [required, absent] = await problemsOf('list', [{}, { to: `127.0.0.1:${port}`, ca, client }]);
    expect(required).toContain(
      `The Temporal server at "${address}" requires TLS. Set \`temporal.tls\` or TEMPORAL_TLS to true`,
    );
    expect(absent).toContain(
      `The Temporal server at "127.0.0.1:${port}" does not use TLS. Set \`temporal.tls\` to false`,
    );
    plain.close();
  });
});
