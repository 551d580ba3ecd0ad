/** What is specific to a stage on S3: large objects in parts, a failing store, and missing access. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { FileRef } from '../src/core/files';
import { ObjectMissing, openStage, stageUri, type Stage } from '../src/stage';
import { freePort } from '../src/temporal/ports';
import { cli } from './support/cli';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { run } from './support/shell';
import { describeMoto, describeS3, startS3, startStrictS3, type TestS3 } from './support/s3';

const MIB = 1024 * 1024;

async function startBehindProxy(options: { without?: string } = {}): Promise<[TestS3, FaultProxy]> {
  const proxy = await startFaultProxy(options);
  const s3 = await startS3({
    through(url) {
      proxy.target(url);
      return proxy.url;
    },
  });
  return [s3, proxy];
}

describe('the URL of a stage on S3', () => {
  const uri = (value: string) => stageUri(value, '/project', null);

  it('is normalised, whatever its spelling', () => {
    for (const value of ['s3://bucket/a/b', 's3://bucket/a/b/', 's3://bucket//a//b'])
      expect(uri(value)).toBe('s3://bucket/a/b/');
    expect(uri('s3://my.bucket-1')).toBe('s3://my.bucket-1/');
  });

  it.each(['s3://', 's3:///a', 's3://Bucket/a', 's3://b/a', 's3://bucket/a/../b'])(
    'is refused with an explanation: %s (I9)',
    (value) => expect(() => uri(value)).toThrow(/^The stage ".+" (does not name a bucket|has a path)/),
  );
});

describeS3('a stage on S3', () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  let stage: Stage;
  let folder: string;
  let stages = 0;
  beforeAll(async () => {
    [s3, proxy] = await startBehindProxy();
  });
  afterAll(async () => {
    await s3.close();
    await proxy.close();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'partwise-s3-'));
    stage = openStage(`s3://${s3.bucket}/${stages++}/`);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const unended = async () =>
    (await s3.client.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket }))).Uploads ?? [];

  it('writes and reads large objects in parts', async () => {
    const content = randomBytes(20 * MIB + 7);
    const file = join(folder, 'large');
    await writeFile(file, content);
    const ref = await stage.put('large', { file });
    expect(ref.bytes).toBe(content.length);
    expect(content.equals(await stage.get('large'))).toBe(true);
    expect(content.equals(await readFile(await stage.localFile(ref, folder)))).toBe(true);
    const range = { offset: 8 * MIB - 3, bytes: 10 };
    expect(await stage.get('large', range)).toEqual(
      content.subarray(range.offset, range.offset + range.bytes),
    );
    await stage.put('bytes', content);
    expect(content.equals(await stage.get('bytes'))).toBe(true);
    await expect(stage.put('bytes', content)).rejects.toThrow('already on the stage');
    expect(await unended()).toEqual([]);
  });

  it('leaves nothing behind of a large object if a part of it fails (I3)', async () => {
    const end = proxy.next({ kind: '503', request: /^PUT .*partNumber=2/, times: 100 });
    await expect(stage.put('large', randomBytes(20 * MIB))).rejects.toThrow(
      new RegExp(`did not answer at ${proxy.url} for ".*/large"`),
    );
    end();
    expect(await stage.list('')).toEqual([]);
    expect(await unended()).toEqual([]);
  });

  it('retries when the store is busy or a connection breaks', async () => {
    await stage.put('a', Buffer.from('content'));
    for (const kind of ['503', 'reset', 'lost'] as const) {
      proxy.met.length = 0;
      proxy.next({ kind, request: /^GET/ });
      expect(Buffer.from(await stage.get('a')).toString()).toBe('content');
      proxy.next({ kind, request: /list-type=2/ });
      expect(await stage.list('')).toEqual([{ path: 'a', bytes: 7 }]);
      expect(proxy.met.map((fault) => fault.kind)).toEqual([kind, kind]);
    }
  });

  it.each<[string, (ref: FileRef) => Promise<unknown>]>([
    ['read', ({ path }) => stage.get(path)],
    ['copied to a file', (ref) => stage.localFile(ref, folder)],
  ])('reports an object removed between two parts, while it is %s, as missing (I1)', async (_, take) => {
    const ref = await stage.put('large', randomBytes(8 * MIB + 1));
    const nextPart = async () => {
      proxy.next({ kind: 'hold', request: /^GET .*large/ });
      return proxy.held();
    };
    const startedCall = nextPart();
    const taken = take(ref);
    const letFirst = await startedCall;
    const second = nextPart();
    letFirst();
    const letSecond = await second;
    await stage.remove('large');
    letSecond();
    await expect(taken).rejects.toThrow(new ObjectMissing('large'));
    expect(await readdir(folder)).toEqual([]);
  });
});

describeMoto('a stage on a store that does not support the condition', () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  beforeAll(async () => {
    [s3, proxy] = await startBehindProxy({ without: 'if-none-match' });
  });
  afterAll(async () => {
    await s3.close();
    await proxy.close();
  });

  it('writes once all the same (I3)', async () => {
    const stage = openStage(`s3://${s3.bucket}/unconditional/`);
    await stage.put('a', Buffer.from('first'));
    await expect(stage.put('a', Buffer.from('second'))).rejects.toThrow('already on the stage');
    expect(Buffer.from(await stage.get('a')).toString()).toBe('first');
  });
});

describeS3('a put whose answer was lost', () => {
  let s3: TestS3;
  let proxy: FaultProxy;
  beforeAll(async () => {
    [s3, proxy] = await startBehindProxy();
  });
  afterAll(async () => {
    await s3.close();
    await proxy.close();
  });

  it.each([
    ['whole', 5, /^PUT/],
    ['in parts', 9 * MIB, /^POST .*uploadId=/],
  ])('still counts as one put (%s)', async (name, bytes, request) => {
    // A separate process: the location of the store is cached per process.
    const script = `
      const { openStage } = require(process.argv[1]);
      const stage = openStage('s3://${s3.bucket}/lost/');
      stage.put('${name}', Buffer.alloc(${bytes}, 1)).then(() => stage.put('${name}', Buffer.from('2'))).catch((error) => console.log(error.name));
    `;
    proxy.next({ kind: 'lost', request });
    const { stdout } = await run(process.execPath, ['-e', script, require.resolve('../src/stage')], '.', {
      ...process.env,
      ...s3.env,
    });
    expect(stdout).toBe('ObjectExists\n');
    expect(proxy.met).toHaveLength(1);
    proxy.met.length = 0;
  });
});

describeS3('doctor', () => {
  let s3: TestS3;
  let folder: string;
  beforeAll(async () => {
    s3 = await startS3();
    folder = await mkdtemp(join(tmpdir(), 'partwise-doctor-'));
    await writeFile(join(folder, 'partwise.config.json'), '{}');
  });
  afterAll(async () => {
    await s3.close();
    await rm(folder, { recursive: true });
  });
  const stageLine = async (env: NodeJS.ProcessEnv = {}, bucket = s3.bucket) => {
    const own = { ...s3.env, ...env, PARTWISE_STAGE: `s3://${bucket}/doctor` };
    const { stdout } = await cli(folder, ['doctor'], own);
    return /^. stage.*(?:\n .*)*/m.exec(stdout)![0].replaceAll(/\n +/g, ' ');
  };

  it('writes to the stage and reads from it', async () => {
    expect(await stageLine()).toBe(`✓ stage      s3://${s3.bucket}/doctor/ can be written and read`);
  });

  it('names a bucket that does not exist', async () => {
    expect(await stageLine({}, 'no-such-bucket')).toContain(
      `✗ stage      The stage s3://no-such-bucket/doctor/ cannot be used: there is no bucket "no-such-bucket" at ${s3.url}. Create it`,
    );
  });

  it('reports missing credentials', async () => {
    expect(await stageLine({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' })).toMatch(
      /cannot be used: no credentials were found \(.+\)\. Set AWS_ACCESS_KEY_ID/,
    );
  });

  it('reports credentials that the store rejects', async () => {
    const strict = await startStrictS3();
    const line = await stageLine({ AWS_ENDPOINT_URL_S3: strict.url });
    await strict.end();
    expect(line).toMatch(
      new RegExp(`cannot be used: ${strict.url} (rejected the credentials|denied access)`),
    );
    expect(line).not.toContain('not a secret');
  });

  it('reports that nothing answers', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    expect(await stageLine({ AWS_ENDPOINT_URL_S3: endpoint })).toMatch(
      new RegExp(
        `did not answer at ${endpoint} for "doctor/.partwise-stage" \\(.*ECONNREFUSED.*Check the network`,
      ),
    );
  });
});
