/** GPUs of a worker are divided between its runners. The devices are made up: no test needs hardware. */
import { chmodSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bundleFunctions } from '../src/runners/functions-file';
import { gpuProblem, Gpus, gpusOf } from '../src/runners/gpus';
import { RunnerPool } from '../src/runners/pool';
import { hasPython, PYTHON } from './support/python-server';
import { makeFolder, makeSnapshot, readRows, run } from './support/runner-unit';

let folder: string;
beforeAll(() => {
  folder = makeFolder();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('whole GPUs belong to one runner, and shares of one are taken from as few as possible', () => {
  const gpus = new Gpus(['7', '9', 'GPU-a']);
  expect(gpus.take(0.5)).toEqual(['7']);
  expect(gpus.take(0.5)).toEqual(['7']);
  expect(gpus.take(0.3)).toEqual(['9']);
  expect(gpus.take(2)).toBeNull();
  expect(gpus.take(1)).toEqual(['GPU-a']);
  gpus.give(['9'], 0.3);
  gpus.give(['GPU-a'], 1);
  expect(gpus.take(2)).toEqual(['9', 'GPU-a']);
  for (const share of [0, 1, 2]) expect([share, gpus.take(0.1)]).toEqual([share, null]);
  expect(gpus.take(0)).toEqual([]);
});

test('a function that needs more GPUs than its worker has is refused by name before its run starts', () => {
  expect(gpuProblem('train', 1, undefined)).toBe(
    'The function "train" needs 1 GPU, and this worker has none: set "gpus" of "worker" in its configuration, or start it with --gpus auto.',
  );
  expect(gpuProblem('train', 2, ['3'])).toMatch(
    /^The function "train" needs 2 GPUs, and this worker has 1\./,
  );
  expect(gpuProblem('train', 0.5, 1)).toBeNull();
  expect(gpuProblem('any', 0, undefined)).toBeNull();
});

test('the GPUs of a machine are those that nvidia-smi lists', () => {
  const tool = join(folder, 'nvidia-smi');
  const list = 'GPU 0: NVIDIA A10G (UUID: GPU-1)\nGPU 1: NVIDIA A10G (UUID: GPU-2)';
  writeFileSync(tool, `#!/bin/sh\necho "${list}"\n`);
  chmodSync(tool, 0o755);
  const { PATH } = process.env;
  process.env['PATH'] = `${folder}:${PATH}`;
  try {
    expect(gpusOf('auto')).toEqual(['0', '1']);
  } finally {
    process.env['PATH'] = PATH;
  }
});

(hasPython ? describe : describe.skip)('functions in Python', () => {
  test('see only the GPU of their runner, and run one at a time on each', async () => {
    for (const file of ['python_functions.py', 'python_helper.py', 'python_helper_inside.py'])
      cpSync(join(__dirname, 'support', file), join(folder, file));
    await makeSnapshot(folder, 4, 1);
    const project = { python: PYTHON };
    const bundle = await bundleFunctions(
      join(folder, 'python_functions.py'),
      join(folder, 'functions'),
      project,
    );
    const pool = new RunnerPool({ size: 4, gpus: ['7', '9'], ...project, cwd: folder });
    const runners: number[] = [];
    const ran = await Promise.all(
      [0, 1, 2, 3].map((ordinal) =>
        run({
          pool,
          folder,
          bundle,
          name: 'misbehaving',
          ordinals: [ordinal],
          unit: { params: { [`k${ordinal}`]: 'show the GPUs' } },
          options: { gpus: 1 },
          onCall: () => runners.push(pool.pids.length),
        }),
      ),
    );
    const seen = await readRows(ran.flatMap(({ files }) => files));
    expect(new Set(seen.map(({ n }) => n))).toEqual(new Set(['7', '9']));
    expect(seen).toHaveLength(4);
    expect(Math.max(...runners)).toBe(2);
    await expect(
      run({ pool, folder, bundle, name: 'misbehaving', ordinals: [0], options: { gpus: 3 } }),
    ).rejects.toThrow('The function needs 3 GPUs, but this worker has 2.');
    await pool.close();
  });
});
