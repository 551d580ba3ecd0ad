/** A version's manifest on a stage and the registry's records: what is read, shared and refused. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FileRef } from '../src/core/files';
import { entriesOf, findEntry, putManifest } from '../src/models/manifest';
import { addVersion, moveAlias, recordChanges, removeVersion } from '../src/models/record-changes';
import type { ModelRecord } from '../src/models/records';
import type { ModelEntry } from '../src/models/types';
import { openStage, type Stage } from '../src/stage/index';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-manifest-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A stage that counts its reads. */
function counting(name: string): { stage: Stage; read: { objects: number; bytes: number } } {
  const stage = openStage(pathToFileURL(join(folder, name)).href);
  const read = { objects: 0, bytes: 0 };
  const count = (bytes: Uint8Array): Uint8Array => {
    read.objects++;
    read.bytes += bytes.length;
    return bytes;
  };
  const get: Stage['get'] = (path, range) => stage.get(path, range).then(count);
  const counted = new Proxy(stage, {
    get: (target, key) => {
      if (key === 'get') return get;
      if (key === 'read') return (ref: FileRef) => stage.read(ref).then(count);
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
  return { stage: counted, read };
}

const entry = (partition: string, sha256 = 'f'.repeat(64)): ModelEntry => ({
  partition,
  path: `run/g1/e1/u1/a1/artifacts/pack-${partition}`,
  offset: 0,
  bytes: 1000,
  sha256,
  file: 'model.json',
  metrics: { mae: 1.5, rmse: 2.25 },
  holdout: null,
  rows: 500,
  run: 'run',
  snapshotTime: '2026-11-25T00:00:00.000Z',
});

const idsIn = async (stage: Stage, root: Parameters<typeof entriesOf>[1]): Promise<string[]> => {
  const ids: string[] = [];
  for await (const { partition } of entriesOf(stage, root)) ids.push(partition);
  return ids;
};

describe('a manifest', () => {
  it('of 100,000 entries finds one by reading two objects and less than 2 % of its bytes', async () => {
    const { stage, read } = counting('large');
    const changed = Array.from({ length: 100_000 }, (_, i) =>
      entry(`store-${i}`, String(i).padStart(64, '0')),
    );
    const { root, manifest } = await putManifest(stage, { model: 'large', id: 'x', base: null, changed });
    expect(manifest.entries).toBe(100_000);
    const all = manifest.blocks.reduce((sum, { bytes }) => sum + bytes, root.bytes);
    expect((await findEntry(stage, root, 'store-77777'))!.sha256).toBe('77777'.padStart(64, '0'));
    expect(read.objects).toBe(2);
    expect(read.bytes).toBeLessThan(all * 0.02);
    expect(await findEntry(stage, root, 'store-x')).toBeNull();
    // A page is read from where it starts.
    const readBefore = read.objects;
    const page: string[] = [];
    for await (const { partition } of entriesOf(stage, root, { after: 'store-77777' }))
      if (page.push(partition) === 100) break;
    const sorted = changed.map(({ partition }) => partition).sort();
    const from = sorted.indexOf('store-77777') + 1;
    expect(page).toEqual(sorted.slice(from, from + 100));
    expect(read.objects - readBefore).toBeLessThanOrEqual(3);
    expect(await idsIn(stage, root)).toHaveLength(100_000);
    // Seven new entries: their blocks are new, and all others shared.
    const seven = Array.from({ length: 7 }, (_, i) => entry(`store-${i * 10_000 + 5}`, 'a'.repeat(64)));
    const next = await putManifest(stage, { model: 'large', id: 'x', base: manifest, changed: seven });
    const before = new Set(manifest.blocks.map(({ path }) => path));
    expect(next.manifest.entries).toBe(100_000);
    expect(next.manifest.blocks.filter(({ path }) => !before.has(path)).length).toBeLessThanOrEqual(7);
    expect((await findEntry(stage, next.root, 'store-10005'))!.sha256).toBe('a'.repeat(64));
    expect((await findEntry(stage, root, 'store-10005'))!.sha256).toBe('10005'.padStart(64, '0'));
  });

  it('has every entry once, in order, whichever versions are merged', async () => {
    const { stage } = counting('merged');
    let base = (await putManifest(stage, { model: 'm', id: 'x', base: null, changed: [] })).manifest;
    const known = new Set<string>();
    for (let round = 1; round <= 8; round++) {
      const ids = Array.from({ length: 700 }, (_, i) => `p${(i * 7919 * round) % 5_003}`);
      for (const id of ids) known.add(id);
      const { root, manifest } = await putManifest(stage, {
        model: 'm',
        id: 'x',
        base,
        changed: ids.map((id) => entry(id)),
      });
      expect(await idsIn(stage, root)).toEqual([...known].sort());
      base = manifest;
    }
  });
});

describe("the registry's records", () => {
  const identity = {
    definition: 'mean',
    keyColumns: [{ name: 'shop', type: 'VARCHAR' }],
    id: 'x',
    createdAt: '',
  };
  const rootAt = (path: string) => ({ path, bytes: 1, sha256: 'x' });
  const body = {
    stage: 'file:///s',
    root: rootAt('new'),
    entries: 1,
    changed: 1,
    base: null,
    run: null,
    description: '',
    tags: {},
    createdAt: '',
  };
  const at = '2026-11-25T00:00:00.000Z';
  const withVersions = (n: number): ModelRecord[] => {
    let records: ModelRecord[] = [];
    for (let i = 0; i < n; i++) {
      const own = { ...body, root: rootAt(`root-${i}`) };
      records = addVersion('m', records, { identity, body: own, expected: i === 0 ? null : i }).records;
    }
    return records;
  };

  it('refuse a version that was not based on the newest one', () => {
    expect(() => addVersion('m', withVersions(2), { identity, body, expected: 1 })).toThrow(
      'got version 2 while',
    );
  });

  it('refuse a version whose base has been removed (I3)', () => {
    const records = removeVersion('m', withVersions(3), 1);
    const based = { ...body, base: 1 };
    expect(() => addVersion('m', records, { identity, body: based, expected: 3 })).toThrow(
      'Version 1 of "m", which this one is based on, was deleted',
    );
  });

  it('recognise a version that was already added when the answer was lost', () => {
    const { records, version } = addVersion('m', withVersions(2), { identity, body, expected: 2 });
    expect(addVersion('m', records, { identity, body, expected: 2 })).toEqual({ records, version });
  });

  it('recognise a move that was already made when the answer was lost', () => {
    const move = { alias: 'a', version: 2, expected: null, how: 'promote', at } as const;
    const moved = moveAlias('m', withVersions(2), move);
    expect(moveAlias('m', moved, move)).toEqual(moved);
  });

  it('refuse to move an alias that was moved concurrently', () => {
    const moved = moveAlias('m', withVersions(2), {
      alias: 'a',
      version: 1,
      expected: null,
      how: 'promote',
      at,
    });
    expect(() =>
      moveAlias('m', moved, { alias: 'a', version: 2, expected: null, how: 'promote', at }),
    ).toThrow('moved from no version to version 1');
    expect(() =>
      moveAlias('m', moved, { alias: 'latest', version: 2, expected: null, how: 'promote', at }),
    ).toThrow('is not a valid alias');
  });

  it('change only what differs', () => {
    const before = withVersions(3);
    const after = moveAlias('m', before, { alias: 'a', version: 3, expected: null, how: 'promote', at });
    const { removed, added } = recordChanges(before, after);
    expect([removed.length, added.length]).toEqual([0, 1]);
  });
});
