import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { FunctionBundle } from '../src/runners/language';
import { RunnerPool } from '../src/runners/pool';
import { bundleFixture, makeFolder, makeSnapshot, readRows, run } from './support/runner-unit';

let folder: string;
let bundle: FunctionBundle;
let pool: RunnerPool;

beforeAll(async () => {
  folder = makeFolder();
  await makeSnapshot(folder, 4, 1);
  bundle = await bundleFixture(folder, 'odd-functions.ts');
});
beforeEach(() => {
  pool = new RunnerPool({ size: 1 });
});
afterEach(() => pool.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function statesAfter(how: string): Promise<Record<string, unknown>[]> {
  const unit = { params: { does: { k1: how } }, isBatch: true };
  const first = await run({ pool, folder, bundle, name: 'odd', ordinals: [0, 1, 2], unit });
  // Another run, in the same process.
  const second = await run({ pool, folder, bundle, name: 'odd', ordinals: [3], unit });
  return readRows([...first.files, ...second.files], 'region, cwd, umask, exitCode, path, "left", loading');
}

test.each(['change the process', 'replace the environment', 'remove the working directory'])(
  'a function that tries to %s changes it only for its own call (I5)',
  async (how) => {
    const umask = String(process.umask());
    const unchanged = {
      cwd: process.cwd(),
      umask,
      exitCode: 'undefined',
      path: true,
      left: null,
      loading: 'kept',
    };
    const states = await statesAfter(how);
    expect(states.filter(({ region }) => region !== 'k1')).toEqual(
      ['k0', 'k2', 'k3'].map((region) => ({ region, ...unchanged })),
    );
  },
);

test('an uncaught error fails its own partition, whatever an earlier one did to the listeners (I5)', async () => {
  const does = { k0: 'remove all listeners', k1: 'throw from a timer' };
  const { summary } = await run({
    pool,
    folder,
    bundle,
    name: 'odd',
    ordinals: [0, 1, 2],
    unit: { params: { does } },
  });
  expect(summary).toEqual(['k0: DONE', 'k1: FAILED Error', 'k2: DONE']);
});

test.each(['replace Date', 'replace Promise', 'replace a method of maps', 'replace a method of arrays'])(
  'a function that breaks its process (%s) takes no other partition with it (I5)',
  async (how) => {
    const unit = { params: { does: { k1: how } }, isBatch: true };
    const common = { pool, folder, bundle, name: 'odd', unit, mayFail: true };
    const first = await run({ ...common, ordinals: [0, 1, 2] });
    const second = await run({ ...common, ordinals: [3] });
    const others = [...first.summary, ...second.summary].filter((each) => !/^k?1:/.test(each));
    expect(others).toEqual(['0: DONE', '2: DONE', '3: DONE']);
  },
);
