import { pickSpread } from '../src/client/trial/pick-spread';
import { describe, expect, it, test } from '@jest/globals';
import { decodeOrdinals, encodeOrdinals } from '../src/core/units/ordinals';
import { rangeLabel } from '../src/core/units/labels';
import {
  cutRetryUnits,
  type GivenBack,
  namesGivenBack,
  retryUnitsPerRound,
  takeBack,
} from '../src/core/units/retry-units';
import { joinAlike } from '../src/core/failures/alike';
import type { AlikeFailures } from '../src/core/outcome';
import { firstReport, isDue, type ShardReport } from '../src/core/units/shard-report';
import { dealUnits, lanesOf, shardsFor } from '../src/core/units/shards';
import { cutUnits, rangesOf } from '../src/core/units/cut-units';
import type { UnitResult } from '../src/core/outcome';
import { noCounts, type StatusCounts } from '../src/core/status';
import { throughLanes } from '../src/workflows/lanes';
import { Progress } from '../src/workflows/progress';

const cut = (rows: number[], options: { maxConcurrency?: number; partitionsPerUnit?: number | null } = {}) =>
  cutUnits({ rows, id: (ordinal) => `p${ordinal}`, maxConcurrency: 8, partitionsPerUnit: null, ...options });

const covered = (units: { from: number; to: number }[]): number[] =>
  units
    .flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
    .sort((a, b) => a - b);

describe('cutting units', () => {
  it('gives each of up to 500 partitions its own unit, the largest first', () => {
    const units = cut([5, 50, 500]);
    expect(units).toEqual([
      { from: 2, to: 2, partitions: 1, label: 'p2' },
      { from: 1, to: 1, partitions: 1, label: 'p1' },
      { from: 0, to: 0, partitions: 1, label: 'p0' },
    ]);
    expect(cut(Array.from({ length: 500 }, () => 1))).toHaveLength(500);
  });

  it('cuts any number of partitions into at most 500 units a shard that hold each of them once (I7)', () => {
    const shapes = [
      Array.from({ length: 501 }, () => 1),
      Array.from({ length: 4_044 }, (_, i) => i % 700),
      Array.from({ length: 100_000 }, (_, i) => (i % 1_000 === 0 ? 1_000_000 : 20)),
      Array.from({ length: 3_000 }, (_, i) => 2 ** (i % 24)),
    ];
    for (const rows of shapes) {
      const units = cut(rows, { maxConcurrency: 48 });
      expect(units.length).toBeLessThanOrEqual(500);
      expect(covered(units)).toEqual(rows.map((_, i) => i));
    }
    const alike = (partitions: number) => Array.from({ length: partitions }, () => 1);
    expect(cut(alike(5_000), { partitionsPerUnit: 1 })).toHaveLength(5_000);
    expect(cut(alike(300_000), { partitionsPerUnit: 1 }).length).toBeLessThanOrEqual(250_000);
    expect(cut(alike(1_000), { maxConcurrency: 96 })).toHaveLength(1_000);
    expect(cut(alike(1_001), { maxConcurrency: 96 }).length).toBeLessThanOrEqual(1_000);
  });

  it('makes a partition far above the average its own unit and starts with it', () => {
    const rows = Array.from({ length: 2_000 }, () => 10);
    rows[1_234] = 1_000_000;
    expect(cut(rows)[0]).toEqual({ from: 1_234, to: 1_234, partitions: 1, label: 'p1234' });
  });

  it('cuts labels at 200 bytes without breaking a character', () => {
    const [unit] = cutUnits({
      rows: [1],
      id: () => 'é'.repeat(300),
      maxConcurrency: 1,
      partitionsPerUnit: null,
    });
    expect(Buffer.byteLength(unit!.label)).toBeLessThanOrEqual(200);
    expect(unit!.label).toMatch(/^é+…$/);
    expect(rangeLabel('a', 'd')).toBe('a … d');
    expect(Buffer.byteLength(rangeLabel('京'.repeat(66), '都'.repeat(66)))).toBeLessThanOrEqual(200);
  });
});

describe('distributing units over shards', () => {
  const units = cut(
    Array.from({ length: 1_200 }, (_, i) => (i === 700 ? 1_000 : 1 + (i % 7))),
    {
      partitionsPerUnit: 1,
    },
  );

  it('happens only if one history would have too many units, or too many in flight (I7)', () => {
    expect(shardsFor(500, 48)).toBe(0);
    expect(shardsFor(40, 24_000)).toBe(0);
    expect(shardsFor(501, 1)).toBe(2);
    expect(shardsFor(200, 200)).toBe(5);
    expect(shardsFor(100, 200)).toBe(3);
    expect(shardsFor(250_000, 24_000)).toBe(500);
  });

  it('gives each about as many neighbouring units, the largest first, and starts with the shard of the largest unit', () => {
    const dealt = dealUnits(units, 3);
    expect(dealt.map((own) => own.length)).toEqual([400, 400, 400]);
    expect(dealt[0]![0]).toMatchObject({ from: 700 });
    expect(dealt.map(covered)).toEqual(
      [400, 0, 800].map((from) => Array.from({ length: 400 }, (_, i) => from + i)),
    );
    for (const own of dealt.slice(1)) expect(own[0]!.from % 7).toBe(6);
  });

  it('divides the concurrency, never more than 48 each (I7)', () => {
    expect(lanesOf(200, 5)).toEqual([40, 40, 40, 40, 40]);
    expect(lanesOf(100, 3)).toEqual([34, 33, 33]);
    expect(lanesOf(1, 3)).toEqual([1, 0, 0]);
    expect(lanesOf(200, 3)).toEqual([48, 48, 48]);
  });
});

describe('what a shard reports', () => {
  const rule = { every: 10, everyFailures: null, alike: { part: 4, all: 20 } };
  const report = (change: Partial<ShardReport>): ShardReport => ({ ...firstReport(0, 0), ...change });
  const ended = (counts: Partial<StatusCounts>) => report({ counts: { ...noCounts(), ...counts } });
  const alike = (partitions: number) =>
    report({ alike: { pattern: 'p', id: 'a', error: { type: 'E', message: 'm', stack: null }, partitions } });

  it('is due when a hundredth of the run has ended or waits, and not before (I7)', () => {
    const rare = { ...rule, alike: null };
    expect(isDue(ended({}), ended({ DONE: 9 }), rare)).toBe(false);
    expect(isDue(ended({}), ended({ DONE: 5, FAILED: 5 }), rare)).toBe(true);
    expect(isDue(ended({}), report({ waiting: { FAILED: 9, INTERNAL_ERROR: 1 } }), rare)).toBe(true);
    const later = { ...ended({ DONE: 5 }), waiting: { FAILED: 0, INTERNAL_ERROR: 0 } };
    expect(isDue(report({ waiting: { FAILED: 5, INTERNAL_ERROR: 0 } }), later, rare)).toBe(false);
    // What waited has ended.
    expect(isDue(report({ waiting: { FAILED: 10, INTERNAL_ERROR: 0 } }), ended({ DONE: 10 }), rare)).toBe(
      true,
    );
  });

  it('is due on failures if they stop the run', () => {
    expect(isDue(ended({}), ended({ FAILED: 1 }), { ...rule, everyFailures: 1 })).toBe(true);
    expect(isDue(ended({}), ended({ FAILED: 1, INTERNAL_ERROR: 1 }), { ...rule, everyFailures: 3 })).toBe(
      false,
    );
  });

  it('is due at most three times while everything fails with the same error (I7)', () => {
    let last = report({});
    let reports = 0;
    for (const now of [
      ...Array.from({ length: 30 }, (_, i) => alike(i + 1)),
      report({ alike: 'not' }),
      report({ alike: 'not' }),
    ]) {
      if (!isDue(last, now, rule)) continue;
      last = now;
      reports++;
    }
    expect(reports).toBe(3);
    expect(isDue(report({}), report({ alike: 'not' }), { ...rule, alike: null })).toBe(false);
  });

  it('is a single failure only if all shards failed with the same error', () => {
    const [one, two] = [alike(3).alike, alike(4).alike];
    expect(joinAlike([null, one, two])).toMatchObject({ pattern: 'p', partitions: 7 });
    expect(joinAlike([one, 'not'])).toBe('not');
    expect(joinAlike([one, { ...(two as AlikeFailures), pattern: 'q' }])).toBe('not');
    expect(joinAlike([null])).toBeNull();
  });
});

describe('ordinals', () => {
  it('convert to short strings and back', () => {
    for (const list of [[], [3], [3, 4], [0, 1, 2, 9, 11, 12]])
      expect(decodeOrdinals(encodeOrdinals(list))).toEqual(list);
    expect(encodeOrdinals([3, 7, 8, 9])).toBe('3,7-9');
  });

  it('take one character for six, however scattered (I7)', () => {
    const everyOther = Array.from({ length: 500_000 }, (_, i) => 7 + 2 * i);
    const text = encodeOrdinals(everyOther);
    expect(text.length).toBeLessThan(170_000);
    expect(decodeOrdinals(text)).toEqual(everyOther);
    // A few out of many still form a list.
    const few = Array.from({ length: 100 }, (_, i) => i * 99_999);
    expect(encodeOrdinals(few)).toBe(few.join(','));
  });

  it('of partitions that threw are gathered into few retry units (I7)', () => {
    const thrown = Array.from({ length: 800 }, (_, i) => i * 5);
    const waiting = new Map(
      thrown.map((ordinal) => [ordinal, { round: 1, big: false, otherwise: 'FAILED' } as const]),
    );
    const units = cutRetryUnits(waiting, retryUnitsPerRound(48, 3));
    expect(units.length).toBeLessThanOrEqual(100);
    expect(99 * retryUnitsPerRound(48, 100)).toBeLessThanOrEqual(1_000);
    expect(units.flatMap(({ only }) => decodeOrdinals(only))).toEqual(thrown);
  });

  it('of retries are named by their partitions, as far as the units that ran them say', () => {
    const labels = (result: { retry: string | null; big?: string; names?: Record<number, string> }) => {
      const waiting = new Map<number, GivenBack>();
      takeBack(waiting, { big: null, ...result }, { round: 0, big: false });
      return cutRetryUnits(waiting, 1).map(({ label }) => label);
    };
    const names = { 3: 'New%20York', 8: 'Boston', 9: 'Austin' };
    expect(labels({ retry: '3,8-9', names })).toEqual(['retry 1: New%20York, Boston, Austin']);
    expect(labels({ retry: '3,8-11', names })).toEqual(['retry 1: New%20York, Boston, Austin and 2 more']);
    expect(labels({ retry: '3', big: '8', names })).toEqual([
      'retry 1: New%20York',
      'with more memory: Boston',
    ]);
    // Results of earlier releases have no names.
    expect(labels({ retry: '3,7-9' })).toEqual(['retry 1: partitions 3,7-9']);
    expect(labels({ retry: '3-2000' })).toEqual(['retry 1: partitions 3-2000']);
    const [long] = labels({ retry: '0-999', names: { 0: '京'.repeat(300), 1: 'b' } });
    expect(long).toMatch(/^retry 1: 京+… and 999 more$/);
    expect(Buffer.byteLength(long!)).toBeLessThanOrEqual(200);
  });

  it('of retries find names throughout a unit that gave back many, in at most 1 KiB (I7)', () => {
    const names = (count: number, id: string) =>
      namesGivenBack(Array.from({ length: count }, (_, ordinal) => ({ ordinal, id })));
    expect(Object.keys(names(3, 'a'))).toEqual(['0', '1', '2']);
    const some = Object.keys(names(2_000, 'a')).map(Number);
    expect(some).toHaveLength(32);
    expect(some.at(-1)).toBeGreaterThan(1_900);
    expect(Object.keys(names(100, 'a'.repeat(300)))).toHaveLength(3);
  });

  it('of partitions returned for different reasons are not mixed in one unit', () => {
    const waiting = new Map<number, GivenBack>();
    takeBack(waiting, { retry: '7,2-3', big: '5' }, { round: 0, big: false });
    takeBack(waiting, { retry: '9', big: null }, { round: 0, big: true });
    expect(cutRetryUnits(waiting, 2).map(({ only, round, big }) => [only, round, big])).toEqual([
      ['2-3,7', 1, false],
      ['5', 0, true],
      ['9', 1, true],
    ]);
  });
});

describe('lanes', () => {
  /** Items in progress, until they are finished. */
  const workbench = () => {
    const started: number[] = [];
    const ends = new Map<number, () => void>();
    return {
      started,
      work: (item: number) => {
        started.push(item);
        return new Promise<void>((resolve) => ends.set(item, resolve));
      },
      finish: async (...items: number[]) => {
        for (const item of items) ends.get(item)!();
        await new Promise(setImmediate);
      },
    };
  };
  const gate = (width: number) => {
    let changed = (): void => {};
    return {
      width,
      closed: false,
      onChange: (listener: () => void) => (changed = listener),
      set(change: { width?: number; closed?: boolean }) {
        Object.assign(this, change);
        changed();
      },
    };
  };

  it('never have more than 48 items in flight (I7)', async () => {
    let inFlight = 0;
    let most = 0;
    await throughLanes(
      Array.from({ length: 300 }, (_, i) => i),
      gate(1_000),
      async () => {
        most = Math.max(most, ++inFlight);
        await Promise.resolve();
        inFlight--;
      },
    );
    expect(most).toBe(48);
  });

  it('finish before a failure is thrown', async () => {
    const finished: number[] = [];
    const work = async (item: number): Promise<void> => {
      if (item === 0) throw new Error('no');
      await Promise.resolve();
      finished.push(item);
    };
    await expect(throughLanes([0, 1, 2, 3], gate(2), work)).rejects.toThrow('no');
    expect(finished).toEqual([1]);
  });

  it('are added immediately, and removed as items end', async () => {
    const { started, work, finish } = workbench();
    const lanes = gate(1);
    const done = throughLanes([0, 1, 2, 3, 4], lanes, work);
    expect(started).toEqual([0]);
    lanes.set({ width: 3 });
    expect(started).toEqual([0, 1, 2]);
    lanes.set({ width: 1 });
    await finish(0, 1);
    expect(started).toEqual([0, 1, 2]);
    await finish(2);
    expect(started).toEqual([0, 1, 2, 3]);
    await finish(3);
    await finish(4);
    await done;
  });

  it('are idle at a width of 0, and end without the rest when they are closed', async () => {
    const { started, work, finish } = workbench();
    const lanes = gate(2);
    const done = throughLanes([0, 1, 2, 3], lanes, work);
    lanes.set({ width: 0 });
    await finish(0, 1);
    expect(started).toEqual([0, 1]);
    lanes.set({ width: 1 });
    expect(started).toEqual([0, 1, 2]);
    lanes.set({ closed: true });
    await finish(2);
    await done;
    expect(started).toEqual([0, 1, 2]);
  });

  it('end when only items without work are left, even at a width of 0', async () => {
    const { started, work, finish } = workbench();
    const lanes = gate(1);
    const skipped = new Set<number>();
    const done = throughLanes([0, 1, 2, 3], lanes, work, (item) => skipped.has(item));
    await finish(0);
    expect(started).toEqual([0, 1]);
    lanes.set({ width: 0 });
    for (const item of [2, 3]) skipped.add(item);
    await finish(1);
    await done;
    expect(started).toEqual([0, 1]);
  });
});

describe('matching failures', () => {
  const result = (partitions: number, round: number): UnitResult => ({
    version: 1,
    unit: 0,
    round,
    counts: noCounts(),
    outcomes: [],
    output: [],
    retry: encodeOrdinals(Array.from({ length: partitions }, (_, i) => i)),
    big: null,
    retryAfterMs: null,
    alike: { pattern: 'p', id: 'a', error: { type: 'Error', message: 'down', stack: null }, partitions },
    doneMs: 0,
    firstErrors: [],
    logs: '',
    functionDigest: '',
    otherCode: [],
    worker: '',
  });

  it('are counted once per partition, however often it is retried', () => {
    const progress = new Progress();
    progress.begin(24, null);
    progress.record(result(12, 0), { round: 0, big: false });
    progress.record(result(12, 1), { round: 1, big: false });
    expect(progress.alike?.partitions).toBe(12);
    progress.recordLost('x', 12, { type: 'Error', message: 'down', stack: null }, { round: 2 });
    expect(progress.alike).toBeNull();
  });
});

test('the partitions picked to show the spread are the largest, the smallest, and others evenly between them', () => {
  const rows = [5, 900, 1, 30, 70, 200, 2];
  expect(pickSpread(rows, 1)).toEqual([1]);
  expect(pickSpread(rows, 2)).toEqual([1, 2]);
  expect(pickSpread(rows, 3).map((ordinal) => rows[ordinal])).toEqual([900, 30, 1]);
  expect(pickSpread(rows, 4).map((ordinal) => rows[ordinal])).toEqual([900, 70, 5, 1]);
  expect(pickSpread(rows, 7)).toEqual([1, 5, 4, 3, 0, 6, 2]);
  expect(pickSpread(rows, 100)).toEqual(pickSpread(rows, 7));
  for (let n = 1; n < 50; n++) {
    expect(
      new Set(
        pickSpread(
          Array.from({ length: 50 }, () => 7),
          n,
        ),
      ).size,
    ).toBe(n);
  }
});

test('the ranges of a snapshot are those of units and the gaps between them: every partition once', () => {
  const units = [
    { from: 7, to: 9 },
    { from: 2, to: 2 },
    { from: 3, to: 4 },
  ];
  expect(rangesOf(units, 12)).toEqual([
    { from: 0, to: 1 },
    { from: 2, to: 2 },
    { from: 3, to: 4 },
    { from: 5, to: 6 },
    { from: 7, to: 9 },
    { from: 10, to: 11 },
  ]);
  expect(rangesOf([], 3)).toEqual([{ from: 0, to: 2 }]);
  expect(rangesOf([{ from: 0, to: 2 }], 3)).toEqual([{ from: 0, to: 2 }]);
});
