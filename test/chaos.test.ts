/**
 * Seeds of the chaos suite (see docs/testing.md): a few hundred partitions, everything killed at points that
 * the seed determines, and the run compared with what the function wrote to an external file. `npm run chaos
 * -- --seed N` repeats one.
 */
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { itLong } from './support/long';
import { REPOSITORY } from './support/project';
import { run } from './support/shell';

const TEST_MS = 400_000;

async function passes(seed: number): Promise<void> {
  const script = join(REPOSITORY, 'scripts/chaos.mjs');
  const { code, stdout, stderr } = await run(process.execPath, [script, '--seed', `${seed}`], REPOSITORY);
  if (code !== 0) throw new Error(`${stdout}${stderr}`);
  expect(stdout).toMatch(/checks ok\n$/);
}

describe('loses nothing and runs nothing twice, whatever is killed:', () => {
  it('seed 20', () => passes(20), TEST_MS);
  itLong.each([3, 10, 23])('seed %i', passes, TEST_MS);
});
