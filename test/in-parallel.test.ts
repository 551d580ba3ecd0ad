import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { inParallel } from '../src/core/in-parallel';
import { eachFile } from '../src/files/small-files';

it('work in parallel starts no more after a failure, and waits for what has started', async () => {
  const started: number[] = [];
  let release: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  let hasEnded = false;
  const all = inParallel(
    Array.from({ length: 100 }, (_, i) => i),
    async (i) => {
      started.push(i);
      if (i === 2) throw new Error('the third failed');
      await released;
    },
  ).finally(() => (hasEnded = true));
  const ended = expect(all).rejects.toThrow('the third failed');
  await turn();
  expect(hasEnded).toBe(false);
  release!();
  await ended;
  expect(started).toHaveLength(8);
});

it('reading many small files at once lets others take their turns', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const busy = (): void => {
    for (const begin = performance.now(); performance.now() - begin < 2;);
  };
  await eachFile(
    Array.from({ length: 50 }, (_, i) => i),
    busy,
  );
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
});
