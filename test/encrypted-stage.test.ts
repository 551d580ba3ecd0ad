/** What an encrypted stage adds to the contract of a stage, which stage-seam.test.ts tests. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { loadConfig } from '../src/config';
import { openStage, StageUnavailable, stageUri, useKeys, type Stage } from '../src/stage';
import { FRAME_BYTES, headerFrom, isOfKey } from '../src/stage/object-cipher';
import { PayloadKeys, type KeySource } from '../src/trust/payload-keys';

const ENV = { PARTWISE_KEY: '1'.repeat(64), PARTWISE_KEY_2: '2'.repeat(64) };
const FIRST: KeySource = { id: 'first', env: 'PARTWISE_KEY' };
const SECOND: KeySource = { id: 'second', env: 'PARTWISE_KEY_2' };

let folder: string;
const withKeys = (...sources: KeySource[]): Stage => {
  useKeys(new PayloadKeys(sources, ENV));
  return openStage(`encrypted:${pathToFileURL(join(folder, 'stage')).href}`);
};
const stored = (path: string): string => join(folder, 'stage', path);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-encrypted-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('keeps content of every size around that of a frame, whole, in parts, as a file and as a copy', async () => {
  const stage = withKeys(FIRST);
  for (const size of [
    0,
    1,
    FRAME_BYTES - 1,
    FRAME_BYTES,
    FRAME_BYTES + 1,
    3 * FRAME_BYTES,
    300 * FRAME_BYTES + 7,
  ]) {
    const content = randomBytes(size);
    const file = join(folder, 'made');
    await writeFile(file, content);
    const refs = [await stage.put(`bytes/${size}`, content), await stage.put(`file/${size}`, { file })];
    for (const ref of refs) {
      expect(ref.bytes).toBe(size);
      expect(content.equals(await stage.read(ref))).toBe(true);
      expect(content.equals(await readFile(await stage.localFile(ref, folder)))).toBe(true);
      for (const offset of [0, 1, FRAME_BYTES - 1, FRAME_BYTES, size - 1]) {
        const part = await stage.get(ref.path, { offset: Math.max(0, offset), bytes: FRAME_BYTES + 2 });
        expect(content.subarray(Math.max(0, offset), offset + FRAME_BYTES + 2).equals(part)).toBe(true);
      }
    }
    expect(
      (await stage.list('')).filter(({ path }) => path.endsWith(`/${size}`)).map(({ bytes }) => bytes),
    ).toEqual([size, size]);
  }
});

it('has nothing of the content in the clear, and nothing twice', async () => {
  const stage = withKeys(FIRST);
  const text = 'canary '.repeat(20_000);
  await stage.put('a', Buffer.from(text));
  await stage.put('b', Buffer.from(text));
  const [a, b] = [await readFile(stored('a')), await readFile(stored('b'))];
  expect(a.includes('canary')).toBe(false);
  expect(a.subarray(112).equals(b.subarray(112))).toBe(false);
});

it.each<[string, () => Promise<void>]>([
  ['a changed byte', () => changeByte(stored('a'), 5_000)],
  ['a changed salt', () => changeByte(stored('a'), 80)],
  ['another object in its place', () => copyFile(stored('b'), stored('a'))],
  ['an object cut short after a frame', () => truncate(stored('a'), 112 + FRAME_BYTES + 16)],
  ['an object cut short within a frame', () => truncate(stored('a'), 1_000)],
  ['an empty object', () => truncate(stored('a'), 0)],
  ['content that is not encrypted', () => writeFile(stored('a'), 'plain')],
])('refuses %s', async (_what, change) => {
  const stage = withKeys(FIRST);
  const ref = await stage.put('a', randomBytes(2 * FRAME_BYTES));
  await stage.put('b', randomBytes(2 * FRAME_BYTES));
  await change();
  const problem = /was changed after it was written|is another one than/;
  await expect(stage.get('a')).rejects.toThrow(problem);
  await expect(stage.read(ref)).rejects.toThrow(problem);
  await expect(stage.localFile(ref, folder)).rejects.toThrow(problem);
});

it('reads with every key, writes with the first, and says which one is missing', async () => {
  const before = withKeys(FIRST);
  const ref = await before.put('a', Buffer.from('before'));
  const both = withKeys(SECOND, FIRST);
  expect(String(await both.read(ref))).toBe('before');
  const later = await both.put('b', Buffer.from('later'));
  const one = withKeys(SECOND);
  expect(String(await one.read(later))).toBe('later');
  await expect(one.read(ref)).rejects.toThrow(
    'encrypted with the key "first", and the project has only "second"',
  );
  const other = withKeys({ id: 'first', env: 'PARTWISE_KEY_2' });
  await expect(other.read(ref)).rejects.toThrow('the key "first" of temporal.encryption is another one');
});

// Writing to /dev/full fails as on a full disk; only Linux has it.
(existsSync('/dev/full') ? it : it.skip)('waits for room for the encrypted copy of a file', async () => {
  const stage = withKeys(FIRST);
  const file = join(folder, 'made');
  await writeFile(file, 'content');
  await symlink('/dev/full', `${file}.encrypted`);
  await expect(stage.put('a', { file })).rejects.toThrow(StageUnavailable);
  const { bytes } = await stage.put('a', { file });
  expect([bytes, String(await stage.get('a'))]).toEqual([7, 'content']);
});

it('is written as "encrypted:" before another stage, and needs keys', async () => {
  withKeys(FIRST);
  expect(stageUri('encrypted:./x', '/project', null)).toBe('encrypted:file:///project/x');
  expect(stageUri('encrypted:s3://bucket/x', '/project', null)).toBe('encrypted:s3://bucket/x/');
  expect(() => stageUri('encrypted:@DB.SCHEMA.STAGE/x', '/project', 'snowflake://c')).toThrow(
    'is encrypted by its service, which may read and write it itself: leave out "encrypted:"',
  );
  await writeFile(join(folder, 'partwise.config.json'), JSON.stringify({ stage: 'encrypted:./stage' }));
  await expect(loadConfig({ projectDir: folder, env: {} })).rejects.toThrow(
    'is encrypted, and the project has no keys',
  );
  // Its own words, and not those of the configuration.
  await writeFile(join(folder, 'partwise.config.json'), '{}');
  await expect(
    loadConfig({ projectDir: folder, env: {}, cwd: folder, flags: { stage: 'encrypted:./x' } }),
  ).rejects.toThrow(/^The stage "encrypted:.*\/x" is encrypted/);
  const keys = { keys: [FIRST] };
  await writeFile(
    join(folder, 'partwise.config.json'),
    JSON.stringify({ stage: 'encrypted:./stage', temporal: { encryption: keys } }),
  );
  const { stage } = await loadConfig({ projectDir: folder, env: ENV });
  expect(stage).toBe(`encrypted:${pathToFileURL(join(folder, 'stage')).href}`);
});

it('is encrypted with the keys of its own project, whichever configuration was loaded last', async () => {
  const project = async (name: string, config: object): Promise<string> => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'partwise.config.json'), JSON.stringify(config));
    return (await loadConfig({ projectDir: join(folder, name), env: ENV })).stage;
  };
  const encrypted = (source: KeySource) => ({
    stage: 'encrypted:./stage',
    temporal: { encryption: { keys: [source] } },
  });
  const one = await project('one', encrypted(FIRST));
  const two = await project('two', encrypted({ ...SECOND, id: 'first' }));
  await project('plain', {});
  for (const [uri, source] of [
    [one, FIRST],
    [two, { ...SECOND, id: 'first' }],
  ] as const) {
    const ref = await openStage(uri).put('a', Buffer.from(uri));
    expect(String(await openStage(uri).read(ref))).toBe(uri);
    const object = await readFile(new URL(`${uri.slice('encrypted:'.length)}/a`));
    expect(isOfKey(headerFrom(object)!, await new PayloadKeys([source], ENV).current())).toBe(true);
  }
});

async function changeByte(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[at]! ^= 1;
  await writeFile(file, bytes);
}
