import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '../src/config';
import { openStage, portableUri, stageUri } from '../src/stage';
import { isStoredSize } from '../src/stage/checked';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { describeEmulator, startSnowflake, type TestSnowflake } from './support/snowflake';

describe('the URL of a stage on Snowflake', () => {
  const uri = (value: string, warehouse: string | null = 'snowflake:prod'): string =>
    stageUri(value, '/project', warehouse);

  it('uses the connection of the warehouse named with it, or the default one', () => {
    expect(uri('@db.public.Stage/a/b')).toBe('snowflake://prod/@DB.PUBLIC.STAGE/a/b/');
    expect(uri('@db.public.stage', 'snowflake:')).toBe('snowflake://default/@DB.PUBLIC.STAGE/');
    expect(uri('@db.public.stage', 'duckdb:./w.duckdb')).toBe('snowflake://default/@DB.PUBLIC.STAGE/');
  });

  it('may name its connection, and is normalised, whatever its spelling', () => {
    for (const value of ['@"DB".s.st//a/', 'snowflake://prod/@db.s.st/a', 'snowflake://prod/@DB.S.ST/a/'])
      expect(uri(value)).toBe('snowflake://prod/@DB.S.ST/a/');
    expect(uri('@db."my schema"."St/1"/x')).toBe('snowflake://prod/@DB."my schema"."St/1"/x/');
  });

  it('is recorded without its connection, since readers have their own', () => {
    const kept = portableUri(uri('@db."my schema".st/x'));
    expect(kept).toBe('@DB."my schema".ST/x/');
    expect(uri(kept, 'snowflake:theirs')).toBe('snowflake://theirs/@DB."my schema".ST/x/');
    expect(portableUri('file:///stage')).toBe('file:///stage');
  });

  it.each([
    '@stage',
    '@schema.stage/a',
    '@~/a',
    '@db.s.%table',
    '@a.b.c.d',
    '@db.s.st/../x',
    'snowflake:///@d.s.st',
  ])('is refused with a sentence: %s (I9)', (value) =>
    expect(() => uri(value)).toThrow(
      /^The stage ".+" (is not fully qualified|has a path|does not name a Snowflake)/,
    ),
  );

  it('means the same in the configuration as in a run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'partwise-config-'));
    const write = (config: object) => writeFile(join(folder, 'partwise.config.json'), JSON.stringify(config));
    await write({ warehouse: 'snowflake:prod', stage: '@db.s.st/runs' });
    const load = () => loadConfig({ projectDir: folder, env: {} });
    expect((await load()).stage).toBe('snowflake://prod/@DB.S.ST/runs/');
    await write({ warehouse: 'snowflake:prod', stage: '@st/runs' });
    await expect(load()).rejects.toThrow('The stage "@st/runs" is not fully qualified');
    await rm(folder, { recursive: true });
  });
});

it('the size of an encrypted object is that of its content rounded up to the next block (I1)', () => {
  expect(
    [0, 1, 15, 16, 17].map((bytes) => [16, 32, 48].find((stored) => isStoredSize(stored, bytes))),
  ).toEqual([16, 16, 16, 16, 32]);
  expect(isStoredSize(5, 5)).toBe(true);
  expect(isStoredSize(5, 6)).toBe(false);
});

describeEmulator('a stage on Snowflake', () => {
  let snowflake: TestSnowflake;
  let proxy: FaultProxy;
  const stage = (path: string, name = 'FAULTY') =>
    openStage(`snowflake://${snowflake.connection}/@${snowflake.schema}.${name}/${path}/`);
  beforeAll(async () => {
    proxy = await startFaultProxy();
    snowflake = await startSnowflake({
      through: proxy.through,
    });
    await snowflake.execute('CREATE STAGE faulty');
  });
  afterAll(async () => {
    await snowflake.close();
    await proxy.close();
  });

  it.each(['reset', 'lost', '503'] as const)(
    'puts an object once, whatever happens to a request (%s)',
    async (kind) => {
      const here = stage(kind);
      proxy.next({ kind, statement: /^PUT/ });
      proxy.next({ kind, statement: /^GET/ });
      await here.put('a', Buffer.from('content'));
      expect(Buffer.from(await here.get('a')).toString()).toBe('content');
      expect(await here.list('')).toMatchObject([{ path: 'a', bytes: 7 }]);
      expect(proxy.met.filter((met) => met.kind === kind)).toHaveLength(2);
    },
  );

  it('that does not answer is a transient error', async () => {
    proxy.next({ kind: '503', statement: /^LIST.*silent/, times: 100 });
    await expect(stage('silent').list('')).rejects.toMatchObject({
      name: 'StageUnavailable',
      message: expect.stringContaining('Snowflake answered with HTTP 503'),
    });
  });

  it('that does not exist, or that the role may not use, is refused with what to do (I9)', async () => {
    await expect(stage('a', 'NONE').put('x', Buffer.from(''))).rejects.toMatchObject({
      type: 'StageUnreachable',
      message: expect.stringMatching(
        /NONE.*002003.*Create it with CREATE STAGE DB.PUBLIC.NONE, or grant the role READ and WRITE/s,
      ),
    });
    const message = "SQL access control error: Insufficient privileges to operate on stage 'FAULTY'";
    await snowflake.emulator!.refuse({ matching: '^LIST.*forbidden', code: 3001, state: '42501', message });
    await expect(stage('forbidden').list('')).rejects.toMatchObject({
      type: 'StageUnreachable',
      message: expect.stringContaining('Insufficient privileges'),
    });
  });
});
