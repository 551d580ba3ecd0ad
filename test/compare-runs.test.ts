/** Two runs compared partition by partition: the decisions, without a server. */
import { describe, expect, it } from '@jest/globals';
import { renderComparison } from '../src/cli/render/comparison';
import { PARTITION_STATUSES, type PartitionStatus } from '../src/core/status';
import { PLAIN } from '../src/display/paint';
import {
  compareColumns,
  namesOf,
  PARTITION_DIFFERENCES,
  type ComparedSide,
} from '../src/history/compare-runs';
import type { RunComparison } from '../src/index';

interface Partition {
  status?: PartitionStatus;
  rows?: number;
  returnedRows?: number;
  durationMs?: number;
  reused?: boolean;
  code?: number;
  runtime?: number;
}

function side(partitions: readonly Partition[]): ComparedSide {
  const length = partitions.length;
  return {
    columns: {
      from: 0,
      to: length,
      status: Uint8Array.from(partitions, ({ status = 'DONE' }) => PARTITION_STATUSES.indexOf(status)),
      attempts: new Int32Array(length).fill(1),
      rows: Float64Array.from(partitions, ({ rows = 10 }) => rows),
      returnedRows: Int32Array.from(partitions, ({ returnedRows = 1 }) => returnedRows),
      startedAt: new Float64Array(length),
      durationMs: Float64Array.from(partitions, ({ durationMs = 100 }) => durationMs),
      execution: new Int32Array(length).fill(1),
      reused: Uint8Array.from(partitions, ({ reused = false }) => Number(reused)),
      unit: new Int32Array(length),
    },
    code: Int32Array.from(partitions, ({ code = 1 }) => code),
    runtime: Int32Array.from(partitions, ({ runtime = 0 }) => runtime),
  };
}

const same = (length: number): Int32Array => Int32Array.from({ length }, (_, at) => at);
const UNCHANGED = { paramsChanged: false, columnsChanged: false };

function compare(a: readonly Partition[], b: readonly Partition[], changed: readonly number[] = []) {
  const all = same(a.length);
  const flags = Uint8Array.from(a.keys(), (at) => Number(changed.includes(at)));
  return compareColumns(side(a), side(b), { a: all, b: all, changed: flags }, UNCHANGED);
}

describe('a comparison of two runs', () => {
  it('finds no differences in a run compared with itself', () => {
    const { order, transitions, durationRatios } = compare(
      [{}, { status: 'FAILED' }],
      [{}, { status: 'FAILED' }],
    );
    expect([...order]).toEqual([]);
    expect(transitions.flat().reduce((sum, count) => sum + count)).toBe(2);
    expect(durationRatios).toMatchObject({ partitions: 1, min: 1, median: 1, max: 1 });
  });

  it('lists new failures first, then other statuses, missing partitions, returned rows and source rows', () => {
    const a = side([{}, {}, { status: 'FAILED' }, {}, {}, {}]);
    const b = side([{ rows: 11 }, { returnedRows: 2 }, {}, { status: 'INTERNAL_ERROR' }, {}]);
    const joined = { a: Int32Array.of(0, 1, 2, 3, 4, 5), b: Int32Array.of(0, 1, 2, 3, 4, -1), changed: null };
    const { order, differences } = compareColumns(a, b, joined, UNCHANGED);
    expect([...order]).toEqual([3, 2, 5, 1, 0]);
    expect(differences).toEqual({ gone: 1, new: 0, status: 2, rows: 1, returnedRows: 1 });
  });

  it('says what has changed for each partition, and nothing that is not known', () => {
    const { columns, causes, changed } = compare(
      [{ code: 1 }, { code: 1, runtime: 1 }, { code: 0 }, {}, {}, { code: 1 }],
      [
        { code: 2, status: 'FAILED' },
        { code: 1, runtime: 2, status: 'FAILED' },
        { code: 2, status: 'FAILED' },
        { status: 'FAILED' },
        {},
        { code: 2 },
      ],
      [4],
    );
    expect(causes).toEqual({ rows: 1, code: 1, params: 0, runtime: 1, none: 2 });
    // Also for the last one, whose outcome is the same.
    expect(changed).toEqual({ rows: 1, code: 2, params: 0, runtime: 1 });
    expect(Array.from(columns.differences, (flags) => namesOf(PARTITION_DIFFERENCES, flags))).toEqual([
      ['status'],
      ['status'],
      ['status'],
      ['status'],
      ['rows'],
      [],
    ]);
  });

  it('compares durations only of partitions that ran and were DONE in both', () => {
    const { durationRatios, durationsChanged } = compare(
      [{ durationMs: 10 }, { durationMs: 1_000 }, { reused: true }, { status: 'FAILED' }, { durationMs: 0 }],
      [{ durationMs: 30 }, { durationMs: 500 }, { durationMs: 900 }, { durationMs: 900 }, {}],
    );
    // The nearest rank: of two values, the median is the smaller one.
    const quantiles = { min: 0.5, q25: 0.5, median: 0.5, q75: 3, q95: 3, max: 3 };
    expect(durationRatios).toEqual({ partitions: 2, ...quantiles });
    expect(durationsChanged).toEqual([1, 0]);
  });

  it('takes a million partitions, each of which differs', () => {
    const million = Array.from({ length: 1_000_000 }, (_, at) => ({ rows: at }));
    const { order, differences } = compareColumns(
      side(million),
      side([]),
      { a: same(million.length), b: new Int32Array(million.length).fill(-1), changed: null },
      UNCHANGED,
    );
    expect(differences.gone).toBe(million.length);
    expect([order[0], order.at(-1)]).toEqual([999_999, 0]);
  });
});

describe('a comparison in the terminal', () => {
  const run = { workflowRunId: '', execution: 1, status: 'SUCCESS', startedAt: '', function: 'f' } as const;
  const comparison = (partitions: readonly Partition[], rowsCompared = true): RunComparison => {
    const before = partitions.map(() => ({}));
    const compared = compare(before, partitions);
    const [a, b] = [side(before), side(partitions)];
    const outcome = ({ columns }: ComparedSide, ordinal: number) => ({
      ordinal,
      status: PARTITION_STATUSES[columns.status[ordinal]!]!,
      rows: columns.rows[ordinal]!,
      returnedRows: columns.returnedRows[ordinal]!,
      durationMs: columns.durationMs[ordinal]!,
    });
    const views = Array.from(compared.order, (at) => ({
      id: `S%C3%BCd%20${at}`,
      a: outcome(a, at),
      b: outcome(b, at),
      differences: [],
      causes: [],
    }));
    return {
      ...compared,
      a: { ...run, runId: 'monday', partitions: 3 },
      b: { ...run, runId: 'tuesday', partitions: 3, execution: 2 },
      inBoth: partitions.length,
      rowsCompared,
      examples: views.slice(0, 1),
      durationsChanged: [],
    };
  };

  it('fits 80 columns, and names what is not shown', () => {
    const text = renderComparison(
      comparison([{ status: 'FAILED', returnedRows: 0 }, { returnedRows: 12 }, {}]),
      80,
      PLAIN,
    );
    expect(text.split('\n')).toEqual([
      'a  monday  SUCCESS, 3 partitions',
      'b  tuesday  SUCCESS, 3 partitions, execution 2',
      '',
      'in a, and in b:  DONE  FAILED',
      'DONE                2       1',
      '',
      '2 of 3 partitions differ: 1 with another status, 2 with another number of',
      '  returned rows. 2 differ although rows, code and params are the same.',
      '',
      'Durations in b are × 1.0 those in a (median of 2 partitions DONE in both; min ×',
      '  1.0, 25 % × 1.0, 75 % × 1.0, 95 % × 1.0, max × 1.0).',
      '',
      'Differences',
      'partition  status           took  rows  returned  changed',
      'Süd 0      DONE → FAILED  100 ms    10     1 → 0',
      '',
      '… and 1 more: --all lists them',
    ]);
  });

  it('does not claim that rows are the same if only their number is known', () => {
    const text = renderComparison(comparison([{ status: 'FAILED' }], false), 200, PLAIN);
    expect(text).toContain('1 differs although code, params and the number of rows are the same.');
  });
});
