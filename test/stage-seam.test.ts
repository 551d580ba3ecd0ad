/** The contract of a stage, tested on every kind. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ListObjectVersionsCommand, PutBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openPlannedStage } from '../src/stored/stage-access';
import { openStage, useKeys, type Stage } from '../src/stage';
import { PayloadKeys } from '../src/trust/payload-keys';
import { describeS3, startS3, type TestS3 } from './support/s3';
import { describeSnowflake, startSnowflake, type TestSnowflake } from './support/snowflake';

/** What a kind of stage does not support, and why; each entry is a test below. */
const NOT_SUPPORTED: Record<string, Partial<Record<Kind, string>>> = {
  'lets exactly one of two concurrent writes of a path succeed': {
    snowflake: 'PUT has no condition: docs/snowflake.md',
  },
};

type Kind = 'local' | 's3' | 'snowflake' | 'encrypted';

interface Place {
  /** URIs of two unused stages. */
  uris(): [string, string];
  /** Overwrites an object, which no stage would do. */
  overwrite(stage: Stage, path: string, content: string): Promise<void>;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-stages-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a local stage', () =>
  behavesAsStage('local', () => ({
    uris: () => [pathToFileURL(join(folder, 'one')).href, pathToFileURL(join(folder, 'two')).href],
    overwrite: async (stage, path, content) => writeFile(new URL(`${stage.uri}/${path}`), content),
  })));

const useOneKey = (): void =>
  useKeys(new PayloadKeys([{ id: 'k', env: 'PARTWISE_KEY' }], { PARTWISE_KEY: '7'.repeat(64) }));

/** As somebody with the key; what others can do is in encrypted-stage.test.ts. */
async function replace(stage: Stage, path: string, content: string): Promise<void> {
  await stage.remove(path);
  await stage.put(path, Buffer.from(content));
}

describe('an encrypted stage', () => {
  beforeAll(useOneKey);

  behavesAsStage('encrypted', () => ({
    uris: () => {
      const uri = (name: string): string => `encrypted:${pathToFileURL(join(folder, name)).href}`;
      return [uri('one'), uri('two')];
    },
    overwrite: replace,
  }));
});

describeS3('a stage on S3', () => {
  let s3: TestS3;
  let stages = 0;
  beforeAll(async () => {
    s3 = await startS3();
  });
  afterAll(() => s3.close());
  const uris = (before = ''): [string, string] => {
    const uri = (name: string): string => `${before}s3://${s3.bucket}/${stages}/${name}/`;
    stages++;
    return [uri('one'), uri('two')];
  };
  const place = (): Place => ({
    uris,
    async overwrite(stage, path, content) {
      const Key = `${new URL(stage.uri).pathname.slice(1)}${path}`;
      await s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: content }));
    },
  });

  behavesAsStage('s3', place);

  describe('that is encrypted', () => {
    beforeAll(useOneKey);
    behavesAsStage('encrypted', () => ({ uris: () => uris('encrypted:'), overwrite: replace }));
  });

  describe('in a versioned bucket', () => {
    beforeAll(async () => {
      const VersioningConfiguration = { Status: 'Enabled' } as const;
      await s3.client.send(new PutBucketVersioningCommand({ Bucket: s3.bucket, VersioningConfiguration }));
    });

    behavesAsStage('s3', place);

    it('writes an object again after it was removed, and keeps both versions', async () => {
      const [uri] = uris();
      const stage = openStage(uri);
      await stage.put('r/a', Buffer.from('first'));
      await stage.remove('r/a');
      expect(await stage.list('')).toEqual([]);
      await expect(stage.get('r/a')).rejects.toThrow('"r/a" is not on the stage.');
      await stage.put('r/a', Buffer.from('second'));
      await expect(stage.put('r/a', Buffer.from('third'))).rejects.toThrow('already on the stage');
      expect(Buffer.from(await stage.get('r/a')).toString()).toBe('second');
      const Prefix = `${new URL(uri).pathname.slice(1)}r/`;
      const kept = await s3.client.send(new ListObjectVersionsCommand({ Bucket: s3.bucket, Prefix }));
      expect([kept.Versions?.length, kept.DeleteMarkers?.length]).toEqual([2, 1]);
    });
  });
});

describeSnowflake('a stage on Snowflake', () => {
  let snowflake: TestSnowflake;
  let stages = 0;
  beforeAll(async () => {
    snowflake = await startSnowflake();
    await snowflake.execute('CREATE STAGE seam');
  });
  afterAll(() => snowflake.close());
  const uri = (name: string): string =>
    `snowflake://${snowflake.connection}/@${snowflake.schema}.SEAM/${stages}/${name}/`;

  behavesAsStage('snowflake', () => ({
    uris: () => {
      stages++;
      return [uri('one'), uri('two')];
    },
    async overwrite(stage, path, content) {
      const place = /@.*/.exec(stage.uri)![0];
      const name = path.slice(path.lastIndexOf('/') + 1);
      await writeFile(join(folder, name), content);
      const target = `${place}${path.slice(0, -name.length)}`;
      await snowflake.execute(
        `PUT 'file://${join(folder, name)}' '${target}' AUTO_COMPRESS = FALSE OVERWRITE = TRUE`,
      );
    },
  }));
});

function behavesAsStage(kind: Kind, placeOf: () => Place): void {
  let place: Place;
  let uris: [string, string];
  let stage: Stage;
  beforeEach(() => {
    place = placeOf();
    uris = place.uris();
    stage = openStage(uris[0]);
  });
  const text = async (path: string, range?: { offset: number; bytes: number }): Promise<string> =>
    Buffer.from(await stage.get(path, range)).toString();
  const put = (...paths: string[]) => Promise.all(paths.map((path) => stage.put(path, Buffer.from(path))));
  const paths = async (prefix: string) => (await stage.list(prefix)).map(({ path }) => path);
  const test = (title: string, body: () => Promise<void>): void => {
    const why = NOT_SUPPORTED[title]?.[kind];
    if (why === undefined) it(title, body);
    else it.skip(`NOT SUPPORTED: ${title} (${why})`, () => {});
  };

  test('puts and gets whole objects and ranges', async () => {
    const ref = await stage.put('run/a.txt', Buffer.from('hello world'));
    expect(ref).toEqual({
      path: 'run/a.txt',
      bytes: 11,
      sha256: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
    });
    expect(await text('run/a.txt')).toBe('hello world');
    expect(await text('run/a.txt', { offset: 6, bytes: 5 })).toBe('world');
    expect(await text('run/a.txt', { offset: 6, bytes: 50 })).toBe('world');
    expect(await text('run/a.txt', { offset: 0, bytes: 5 })).toBe('hello');
  });

  test('exists once something was written to it', async () => {
    expect(await stage.exists()).toBe(false);
    await put('run/a.txt');
    expect(await stage.exists()).toBe(true);
    expect(await openStage(uris[1]).exists()).toBe(false);
    await openStage(uris[1]).token({ create: true });
    expect(await openStage(uris[1]).exists()).toBe(true);
  });

  test('keeps objects of any size and content', async () => {
    const large = randomBytes(3_000_000);
    for (const content of [Buffer.alloc(0), Buffer.from([0, 255, 10, 13]), large]) {
      const path = `objects/${content.length}`;
      await stage.put(path, content);
      expect(content.equals(await stage.get(path))).toBe(true);
    }
  });

  test('writes an object once: a second put is refused and changes nothing (I3)', async () => {
    await stage.put('a', Buffer.from('first'));
    await expect(stage.put('a', Buffer.from('second'))).rejects.toThrow('"a" is already on the stage');
    expect(await text('a')).toBe('first');
  });

  test('lets exactly one of two concurrent writes of a path succeed', async () => {
    const puts = await Promise.allSettled(
      ['one', 'two', 'three'].map((content) => stage.put('contended', Buffer.from(content))),
    );
    expect(puts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  test('keeps nothing of a put that failed (I3)', async () => {
    await expect(stage.put('x/y', { file: join(folder, 'missing') })).rejects.toThrow('ENOENT');
    expect(await stage.list('')).toEqual([]);
  });

  test('takes over a file, even if the path is taken', async () => {
    const file = join(folder, 'made');
    await writeFile(file, 'content');
    await stage.put('x', { file });
    expect(await text('x')).toBe('content');
    expect(await readdir(folder)).not.toContain('made');
    await writeFile(file, 'other');
    await expect(stage.put('x', { file })).rejects.toThrow('"x" is already on the stage');
    expect(await readdir(folder)).not.toContain('made');
  });

  test('lists by prefix, sorted', async () => {
    await put('run1/b', 'run1/a', 'run1/deep/er/c', 'run10/a', 'run1.txt');
    const listed = await stage.list('run1/');
    // Stores that know a version without reading have one.
    expect(listed.map(({ path, bytes }) => ({ path, bytes }))).toEqual([
      { path: 'run1/a', bytes: 6 },
      { path: 'run1/b', bytes: 6 },
      { path: 'run1/deep/er/c', bytes: 14 },
    ]);
    expect(await paths('')).toEqual(['run1.txt', 'run1/a', 'run1/b', 'run1/deep/er/c', 'run10/a']);
    expect(await stage.list('none/')).toEqual([]);
    expect(await stage.folders()).toEqual(['run1', 'run10']);
  });

  test('removes one object and no other, and a missing one is not an error', async () => {
    await put('run/a', 'run/ab', 'run/a.b', 'run/axb', 'run/(1)');
    await stage.remove('run/a');
    await stage.remove('run/a.b');
    await stage.remove('run/(1)');
    await stage.remove('run/none');
    expect(await paths('run/')).toEqual(['run/ab', 'run/axb']);
  });

  test('distinguishes names that differ in any character that a path may contain (I6)', async () => {
    const names = [
      "it's",
      '%2F',
      '%252F',
      'a b',
      'ü',
      '@series',
      '~',
      '(1)',
      '1',
      'a+b',
      'a=b',
      'a;b',
      'a"b',
      'a$b',
    ];
    const all = names.map((name) => `odd/${name}/${name}`);
    await put(...all);
    expect((await paths('odd/')).sort()).toEqual([...all].sort());
    for (const path of all) expect(await text(path)).toBe(path);
  });

  test('distinguishes a missing object from an existing one, even if one name is a prefix of the other', async () => {
    await put('there/abc');
    await expect(stage.get('there/ab')).rejects.toThrow('"there/ab" is not on the stage.');
    await expect(stage.get('nowhere/a', { offset: 0, bytes: 1 })).rejects.toThrow('is not on the stage');
    const ref = { path: 'gone', bytes: 1, sha256: '' };
    await expect(stage.localFile(ref, folder)).rejects.toThrow('"gone" is not on the stage');
  });

  test('lets no path escape its folder (I6)', async () => {
    for (const path of ['../x', 'a/../../x', '/etc/passwd', 'a/..', 'x\0y']) {
      await expect(stage.put(path, Buffer.from(''))).rejects.toThrow('leads outside the stage');
      await expect(stage.get(path)).rejects.toThrow('leads outside the stage');
    }
  });

  test('provides local files, whatever their folders', async () => {
    const refs = await put('x/1/rows', 'x/2/rows', 'y/a', 'y/b', 'y/c');
    const read = async (wanted: typeof refs) =>
      Promise.all((await stage.localFiles(wanted, folder)).map((file) => readFile(file, 'utf8')));
    expect(await read([refs[1]!, refs[0]!])).toEqual(['x/2/rows', 'x/1/rows']);
    expect(await read([refs[4]!, refs[2]!])).toEqual(['y/c', 'y/a']);
    expect(await read([refs[4]!, refs[0]!, refs[2]!])).toEqual(['y/c', 'x/1/rows', 'y/a']);
    expect(await readFile(await stage.localFile(refs[3]!), 'utf8')).toBe('y/b');
  });

  test('detects a file that changed after it was recorded (I1)', async () => {
    const refs = await put('f/a', 'f/b');
    await place.overwrite(stage, 'f/a', 'longer than it was');
    await expect(stage.localFile(refs[0]!, folder)).rejects.toThrow('was changed after it was written');
    await expect(stage.localFiles(refs, folder)).rejects.toThrow('was changed after it was written');
  });

  test('reads a recorded file, or a part of one, and refuses it once it has changed I1, I2, I3', async () => {
    const ref = await stage.put('r/pack', Buffer.from('hello world'));
    const sha256 = '486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7';
    const part = { path: 'r/pack', offset: 6, bytes: 5, sha256 };
    expect(Buffer.from(await stage.read(ref)).toString()).toBe('hello world');
    expect(Buffer.from(await stage.read(part)).toString()).toBe('world');
    await expect(stage.read({ ...part, sha256: ref.sha256 })).rejects.toThrow(
      /"r\/pack" .* is not the file that was recorded \(its sha256 differs\)/,
    );
    await place.overwrite(stage, 'r/pack', 'hello');
    await expect(stage.read(ref)).rejects.toThrow('it has 5 bytes, but 11 were recorded');
    await expect(stage.read({ ...ref, path: 'r/none' })).rejects.toThrow('"r/none" is not on the stage');
  });

  test('is distinguished from another one by its token', async () => {
    const token = (await stage.token({ create: true }))!;
    expect(await stage.token({ create: true })).toBe(token);
    expect(await stage.list('')).toEqual([]);
    await expect(openPlannedStage(uris[0], token)).resolves.toBeDefined();
    await expect(openPlannedStage(uris[0], 'other')).rejects.toThrow('cannot be reached from here');
    expect(await openStage(uris[1]).token({ create: false })).toBeNull();
    await expect(openPlannedStage(uris[1], token)).rejects.toThrow('cannot be reached from here');
  });
}
