/** What is specific to a stage on S3: large objects in parts, and a failing store. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { FileRef } from '../src/core/files';
import { ObjectMissing, openStage, StageUnavailable, stageUri, type Stage } from '../src/stage';
import { errorBody, startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { itLong } from './support/long';
import { run } from './support/shell';
import { describeOnSmallDisks, smallDisk } from './support/small-disk';
import { describeMoto, describeS3, startS3, type TestS3 } from './support/s3';

const MIB = 1024 * 1024;

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
  // One store for all of these: the client of this process is bound to it.
  let s3: TestS3;
  let proxy: FaultProxy;
  let stage: Stage;
  let folder: string;
  let stages = 0;
  beforeAll(async () => {
    proxy = await startFaultProxy();
    s3 = await startS3({
      through: proxy.through,
    });
  });
  afterAll(async () => {
    await s3.close();
    await proxy.close();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'partwise-s3-'));
    stage = openStage(`s3://${s3.bucket}/${stages++}/`);
    proxy.met.length = 0;
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
      new RegExp(`is unavailable: ${proxy.url} returned HTTP 503 for ".*/large"`),
    );
    end();
    expect(await stage.list('')).toEqual([]);
    expect(await unended()).toEqual([]);
  });

  it('retries when the store is busy or a connection breaks', async () => {
    await stage.put('a', Buffer.from('content'));
    for (const kind of ['503', 'reset', 'lost', 'cut'] as const) {
      proxy.met.length = 0;
      proxy.next({ kind, request: /^GET .*\/a\?/ });
      expect(Buffer.from(await stage.get('a')).toString()).toBe('content');
      proxy.next({ kind, request: /list-type=2/ });
      expect(await stage.list('')).toMatchObject([{ path: 'a', bytes: 7 }]);
      expect(proxy.met.map((fault) => fault.kind)).toEqual([kind, kind]);
    }
  });

  itLong(
    'waits for a slow network, but not for a connection that is silent',
    async () => {
      const content = randomBytes(8 * MIB);
      await stage.put('a', Buffer.from('content'));
      proxy.next({ kind: 'slow', request: /^PUT .*slow/ });
      proxy.next({ kind: 'hold', request: /^GET .*\/a\?/ });
      const [ref, read] = await Promise.all([stage.put('slow', content), stage.get('a')]);
      expect(proxy.met.map(({ kind }) => kind).sort()).toEqual(['hold', 'slow']);
      expect(Buffer.from(read).toString()).toBe('content');
      expect(content.equals(await stage.read(ref))).toBe(true);
      (await proxy.held())();
    },
    300_000,
  );

  it.each([
    ['InsufficientStorage', '507'],
    ['QuotaExceeded', '403'],
    ['XMinioAdminBucketQuotaExceeded', '400'],
  ] as const)('says that it is full if the store answers %s, and keeps the file', async (code, kind) => {
    const file = join(folder, 'rows');
    await writeFile(file, 'content');
    const end = proxy.next({ kind, body: errorBody(code, 'No space left.'), request: /^PUT/, times: 100 });
    const refused = stage.put('rows', { file });
    await expect(refused).rejects.toThrow(StageUnavailable);
    await expect(refused).rejects.toThrow(
      new RegExp(
        `is full: ${proxy.url} has no space for ".*rows" \\(${code}: No space left\\.\\)\\. Free up space there`,
      ),
    );
    end();
    await stage.put('rows', { file });
    expect(await stage.list('')).toMatchObject([{ path: 'rows', bytes: 7 }]);
  });

  it('refuses a store that does not support what it needs', async () => {
    const body = errorBody('NotImplemented', 'A header implies functionality that is not implemented.');
    proxy.next({ kind: '501', body, request: /^PUT/ });
    await expect(stage.put('a', Buffer.from('a'))).rejects.toMatchObject({
      name: 'Refusal',
      message: expect.stringContaining(
        'does not support a request that a stage needs (NotImplemented: A header',
      ),
    });
  });

  it('aborts uploads in parts that a killed process left, if they are old enough', async () => {
    const at = { Bucket: s3.bucket, Key: `${new URL(stage.uri).pathname.slice(1)}r/large` };
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand(at));
    const part = { ...at, UploadId, PartNumber: 1, Body: Buffer.alloc(5 * MIB) };
    await s3.client.send(new UploadPartCommand(part));
    const inAnHour = Date.now() + 3_600_000;
    expect(await stage.clearUnfinished(0, false)).toEqual([]);
    expect(await stage.clearUnfinished(inAnHour, true)).toMatchObject([{ bytes: 5 * MIB }]);
    expect(await unended()).toHaveLength(1);
    const end = proxy.next({ kind: '403', request: /^GET .*uploads/, times: 100 });
    expect(await stage.clearUnfinished(inAnHour, false)).toEqual([]);
    end();
    expect(await stage.clearUnfinished(inAnHour, false)).toHaveLength(1);
    expect(await unended()).toEqual([]);
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

  it.each([
    ['whole', 5, /^PUT/],
    ['in parts', 9 * MIB, /^POST .*uploadId=/],
  ])('lets exactly one of two writers at the same moment succeed (%s) (I3)', async (name, bytes, request) => {
    // Both have looked before either has written.
    proxy.next({ kind: 'hold', request, times: 2 });
    const contents = [1, 2].map((byte) => Buffer.alloc(bytes, byte));
    const puts = contents.map((content) => stage.put(name, content));
    const ends = Promise.allSettled(puts);
    for (const release of [await proxy.held(), await proxy.held()]) release();
    const won = (await ends).map(({ status }) => status === 'fulfilled');
    expect([...won].sort()).toEqual([false, true]);
    await expect(puts[won.indexOf(false)]).rejects.toThrow('already on the stage');
    expect(contents[won.indexOf(true)]!.equals(await stage.get(name))).toBe(true);
    expect(await unended()).toEqual([]);
  });

  describeMoto('on a store that does not support the condition', () => {
    it('writes once all the same (I3)', async () => {
      proxy.leaveOut('if-none-match');
      await stage.put('a', Buffer.from('first'));
      await expect(stage.put('a', Buffer.from('second'))).rejects.toThrow('already on the stage');
      expect(Buffer.from(await stage.get('a')).toString()).toBe('first');
      proxy.leaveOut('');
    });
  });

  describeOnSmallDisks('whose copies do not fit onto the disk here', () => {
    it('says so, and does not call the object damaged', async () => {
      const disk = smallDisk(MIB);
      try {
        const ref = await stage.put('a', Buffer.alloc(3 * MIB));
        await expect(stage.localFile(ref, disk.folder)).rejects.toThrow('ENOSPC');
      } finally {
        disk.remove();
      }
    });
  });

  it.each([
    ['whole', 5, /^PUT/],
    ['in parts', 9 * MIB, /^POST .*uploadId=/],
  ])('counts a put whose answer was lost as one put (%s)', async (name, bytes, request) => {
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
