/**
 * A server that refuses requests, as one with an authorizer does. Temporal's dev server has none, so this one
 * only answers with gRPC's codes; test/cluster has Temporal's own authorizer.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cli } from './support/cli';

const NO_CONTENT = Buffer.alloc(5);
const PERMISSION_DENIED = '7';

let server: Http2Server;
const sessions = new Set<ServerHttp2Session>();
let allowed: string[] = [];
let address: string;
let folder: string;
beforeAll(async () => {
  server = createServer();
  server.on('session', (session) => void sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const isAllowed = allowed.some((method) => headers[':path']!.endsWith(`/${method}`));
    const type = { ':status': 200, 'content-type': 'application/grpc' };
    if (!isAllowed) {
      const status = { 'grpc-status': PERMISSION_DENIED, 'grpc-message': 'Request unauthorized.' };
      return stream.respond({ ...type, ...status }, { endStream: true });
    }
    stream.respond(type, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(NO_CONTENT);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), 'partwise-refusing-'));
  writeFileSync(join(folder, 'data.csv'), 'k\na\n');
});
afterAll(() => {
  for (const session of sessions) session.destroy();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const problemOf = async (args: string[], key: string): Promise<string> => {
  const env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'sales', TEMPORAL_TLS: 'false' };
  const { code, stdout, stderr } = await cli(folder, args, { ...env, TEMPORAL_API_KEY: key });
  expect(code).toBe(2);
  expect(stdout + stderr).not.toContain('canary-key');
  return stdout + stderr;
};

it('an API key that the server does not accept is explained, without the key (I11)', async () => {
  allowed = [];
  const problems = ['list', 'doctor', 'worker'].map((command) => problemOf([command], 'canary-key'));
  for (const problem of await Promise.all(problems))
    expect(problem).toContain(
      `The Temporal server at "${address}" does not accept the API key (Request unauthorized.). It is wrong or has expired: ` +
        'set TEMPORAL_API_KEY, `temporal.apiKey` or `api_key` in the profile to a new one.',
    );
  expect(await problemOf(['list'], '')).toContain(
    `The Temporal server at "${address}" requires an API key (Request unauthorized.). Set TEMPORAL_API_KEY`,
  );
});

it('an API key without access to the namespace is explained (I11)', async () => {
  allowed = ['GetSystemInfo'];
  const refused = `The Temporal server at "${address}" refuses access to the namespace "sales" (Request unauthorized.).`;
  const problems = ['list', 'doctor', 'worker'].map((command) => problemOf([command], 'canary-key'));
  for (const problem of await Promise.all(problems))
    expect(problem).toContain(
      `${refused} Use an API key that has access to it, or set \`temporal.namespace\` or TEMPORAL_NAMESPACE to another one.`,
    );
  expect(await problemOf(['list'], '')).toContain(
    `${refused} It may require an API key: set TEMPORAL_API_KEY`,
  );
});

it('an API key that may only read cannot start a run, which is explained (I11)', async () => {
  allowed = ['GetSystemInfo', 'DescribeNamespace', 'ListWorkflowExecutions'];
  const run = ['run', 'sql', '--sql', 'SELECT count(*) AS n FROM data', '--from', 'data.csv', '--by', 'k'];
  expect(await problemOf([...run, '--detach'], 'canary-key')).toContain(
    'The Temporal server refuses this request (Request unauthorized.). The API key or certificate may only be allowed to read',
  );
});
