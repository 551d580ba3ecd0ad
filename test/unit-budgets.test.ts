/** The retry rules in isolation; `survives` and `unit-attempts` test them with real processes. */
import { describe, expect, it } from '@jest/globals';
import { afterLoss, mayCallAgain, maxLostWorkers } from '../src/core/failures/budgets';
import { parseFunctionSettings } from '../src/input/function-settings';
import { parseRunInput } from '../src/input/parse-input';
import { maxAttempts, ownRule, planRetry, retryWaitMs } from '../src/core/failures/retry-plan';
import { attemptFolder, attemptOf, compareAttempts, nextAttempt } from '../src/stored/layout';
import { callMemory } from '../src/runners/memory';
import { inTurn } from '../src/core/in-turn';
import type { RetryOptions } from '../src/index';

const input = (retry: RetryOptions | undefined) =>
  parseRunInput({ function: 'f', source: { table: 't' }, partitionBy: ['k'], options: { retry } });

const plan = (run?: RetryOptions, own?: RetryOptions) => {
  const report = input(run);
  const settings = parseFunctionSettings({ name: 'f', retry: own });
  if (!report.ok || !settings.ok) throw new Error(JSON.stringify([report, settings]));
  return planRetry(report.input.options.retry, settings.settings.retry);
};

const losses = (types: string[], badEnds = types.length, lostWorkers = 0) => ({
  types,
  badEnds,
  lostWorkers,
});

describe('a thrown error', () => {
  it('is retried until maximumAttempts calls were made', () => {
    expect([1, 2, 3].map((badEnds) => mayCallAgain(plan(), 'Error', badEnds))).toEqual([true, true, false]);
    expect(mayCallAgain(plan({ maximumAttempts: 1 }), 'Error', 1)).toBe(false);
  });

  it('has the rule of its type, the run’s before the function’s, with defaults for what it omits', () => {
    const retry = plan(
      { initialInterval: 200, byErrorType: { RateLimited: { maximumAttempts: 10 } } },
      {
        maximumAttempts: 2,
        byErrorType: {
          RateLimited: { maximumAttempts: 4, initialInterval: '9s' },
          Broken: { maximumAttempts: 1 },
        },
      },
    );
    expect(ownRule(retry, 'RateLimited')).toEqual({
      maximumAttempts: 10,
      initialIntervalMs: 200,
      backoffCoefficient: 2,
      maximumIntervalMs: 20_000,
    });
    expect(mayCallAgain(retry, 'RateLimited', 9)).toBe(true);
    expect(mayCallAgain(retry, 'Broken', 1)).toBe(false);
    expect(mayCallAgain(retry, 'constructor', 2)).toBe(false);
    expect(maxAttempts(retry)).toBe(10);
  });

  it('waits longer each time, up to the maximum of its rule', () => {
    const rule = ownRule(
      plan({ byErrorType: { A: { initialInterval: '1s', maximumInterval: '3s' } } }),
      'A',
    )!;
    expect([1, 2, 3, 99].map((retry) => retryWaitMs(rule, retry))).toEqual([1_000, 2_000, 3_000, 3_000]);
  });

  it('is retried if the run has a rule for a type that the function never retries', () => {
    const own = { nonRetryableErrorTypes: ['Down', 'Bad'] };
    expect(plan({ byErrorType: { Down: {} } }, own).nonRetryableErrorTypes).toEqual(['Bad']);
  });
});

describe('a lost call', () => {
  it('is repeated until three, or maximumAttempts, were lost', () => {
    expect(afterLoss(plan(), losses(['Timeout', 'RunnerKilled']), false)).toBe('again');
    expect(afterLoss(plan(), losses(['Timeout', 'Timeout', 'RunnerKilled']), false)).toBe('end');
    expect(afterLoss(plan({ maximumAttempts: 50 }), losses(['Timeout', 'Timeout', 'Timeout']), false)).toBe(
      'end',
    );
    expect(afterLoss(plan({ maximumAttempts: 1 }), losses(['RunnerKilled']), false)).toBe('end');
    expect(
      afterLoss(plan({ byErrorType: { Timeout: { maximumAttempts: 1 } } }), losses(['Timeout']), false),
    ).toBe('end');
    // It had thrown twice before.
    expect(afterLoss(plan(), losses(['Timeout'], 3), false)).toBe('end');
    expect(afterLoss(plan(), losses(['Timeout'], 1, 2), false)).toBe('end');
  });

  it('for lack of memory is repeated once, alone or on the big task queue', () => {
    expect(afterLoss(plan(), losses(['OutOfMemory']), false)).toBe('alone');
    expect(afterLoss(plan(), losses(['OutOfMemory']), true)).toBe('bigTaskQueue');
    expect(afterLoss(plan(), losses(['OutOfMemory', 'OutOfMemory']), false)).toBe('end');
    expect(afterLoss(plan({ maximumAttempts: 1 }), losses(['OutOfMemory']), true)).toBe('end');
  });

  it('because of a lost worker is repeated whatever maximumAttempts says, unless a rule limits it', () => {
    expect(maxLostWorkers(plan({ maximumAttempts: 1 }))).toBe(3);
    expect(maxLostWorkers(plan({ byErrorType: { WorkerLost: { maximumAttempts: 1 } } }))).toBe(1);
    expect(maxLostWorkers(plan({ byErrorType: { WorkerLost: { maximumAttempts: 9 } } }))).toBe(3);
  });
});

describe('memory of a call', () => {
  const GB = 1e9;

  it('is what was asked for, or if it runs alone, what all runners of the worker may use', () => {
    expect(callMemory({ wanted: 2 * GB, runners: 4, big: false }, 100 * GB)).toEqual({
      each: 2 * GB,
      alone: 8 * GB,
    });
    expect(callMemory({ wanted: 2 * GB, runners: 8, big: false }, 10 * GB)).toEqual({
      each: 2 * GB,
      alone: 8 * GB,
    });
    expect(callMemory({ wanted: 2 * GB, runners: 1, big: false }, 1 * GB)).toEqual({
      each: 2 * GB,
      alone: 2 * GB,
    });
  });

  it('is a share of the machine on the big task queue', () => {
    expect(callMemory({ wanted: 2 * GB, runners: 4, big: true }, 100 * GB)).toEqual({
      each: 20 * GB,
      alone: 80 * GB,
    });
    expect(callMemory({ wanted: 2 * GB, runners: 4, big: true }, 5 * GB)).toEqual({
      each: 2 * GB,
      alone: 4 * GB,
    });
  });
});

describe('invalid settings', () => {
  it('are refused in a run (I9)', () => {
    const retry = {
      nonRetryableErrorTypes: ['A'],
      byErrorType: { A: {}, SyntaxError: {}, B: { maximumAttempt: 2 }, C: { initialInterval: 'soon' } },
    };
    expect(input(retry as RetryOptions)).toEqual({
      ok: false,
      problems: [
        expect.stringContaining(
          '"options.retry.byErrorType.B.maximumAttempt" is not a setting. Did you mean "maximumAttempts"?',
        ),
        expect.stringContaining(
          '"options.retry.byErrorType.C.initialInterval" is "soon"; it takes a duration',
        ),
      ],
    });
    const { A, SyntaxError } = retry.byErrorType;
    expect(input({ ...retry, byErrorType: { A, SyntaxError } })).toEqual({
      ok: false,
      problems: [
        '"byErrorType" and "nonRetryableErrorTypes" both name "A". Name it in one of them.',
        '"byErrorType" has a rule for "SyntaxError", which is a bug in the code and never retried. Remove the rule.',
      ],
    });
  });

  it('are refused in a function (I9)', () => {
    expect(parseFunctionSettings({ name: 'f', memory: '2', timeout: 'soon', bigTaskQueue: '' })).toEqual({
      ok: false,
      problems: [
        expect.stringContaining('In the function "f": "timeout" is "soon"; it takes a duration'),
        'In the function "f": "memory" is "2"; it takes a size of at least 128MB, such as "512MB" or "2GB".',
        'In the function "f": "bigTaskQueue" is ""; it takes the name of a task queue, such as "big".',
      ],
    });
  });
});

describe('attempts of a unit in one worker', () => {
  it('take turns, and a stopped one does not wait for its turn (I5)', async () => {
    const log: string[] = [];
    let endFirst = (): void => undefined;
    const never = new AbortController();
    const first = inTurn('u0', never.signal, async () => {
      await new Promise<void>((resolve) => (endFirst = resolve));
      log.push('first ended');
    });
    const second = inTurn('u0', never.signal, async () => log.push('second began'));
    await inTurn('u1', never.signal, async () => log.push('another unit'));
    await inTurn('u0', AbortSignal.abort(), async () => log.push('stopped'));
    endFirst();
    await Promise.all([first, second]);
    expect(log).toEqual(['another unit', 'stopped', 'first ended', 'second began']);
  });
});

describe('folders of attempts', () => {
  it('never collide, even if a server that lost its last seconds reuses numbers (I3)', () => {
    const started = ['a1/', 'a2/', 'a10/'].map((folder) => attemptOf(`${folder}logs/x`)!);
    expect(started.map(({ attempt }) => attempt)).toEqual([1, 2, 10]);
    expect(attemptFolder(nextAttempt(1, []))).toBe('a1/');
    expect(attemptFolder(nextAttempt(11, started))).toBe('a11/');
    const again = nextAttempt(2, started);
    expect(attemptFolder(again)).toBe('a2.2/');
    expect(attemptFolder(nextAttempt(3, [...started, again]))).toBe('a3.2/');
    expect(attemptFolder(nextAttempt(2, [...started, again]))).toBe('a2.3/');
    expect([again, ...started].sort(compareAttempts).map(attemptFolder)).toEqual([
      'a1/',
      'a2/',
      'a10/',
      'a2.2/',
    ]);
    expect(attemptOf('x')).toBeNull();
  });
});
