import { describe, expect, it } from '@jest/globals';
import {
  artifactPaths,
  decodeBlock,
  DoneColumns,
  encodeBlock,
  filterBlock,
  outcomeAt,
  withEarlierErrors,
  type DoneBlock,
} from '../src/core/done-block';
import { earlierError, firstErrors } from '../src/core/earlier-errors';
import type { DoneRecord } from '../src/core/outcome';
import { CallRecord } from '../src/runners/call-record';
import { CallWriter } from '../src/runners/node/call-writer';

const AT = Date.parse('2024-01-01T00:00:00.000Z');

function blockOf(ordinals: number[], withArtifacts: number[] = []): DoneBlock {
  const columns = new DoneColumns();
  for (const ordinal of ordinals)
    columns.add({
      ordinal,
      attempts: ordinal === 7 ? 2 : 1,
      startedAt: AT + ordinal,
      durationMs: ordinal % 3,
      outputRows: 1,
      artifacts: withArtifacts.includes(ordinal)
        ? [
            ['sum.json', 'json', 10 * ordinal, 10, `sha of ${ordinal}`],
            ['large.bin', 'bytes', 0, 1e6, 'sha', `folder/${ordinal}/large.bin`],
          ]
        : null,
    });
  return columns.take();
}

describe('outcomes in columns', () => {
  it('are unchanged after a JSON round trip', () => {
    const block = { ...blockOf([3, 4, 5, 7, 900], [4, 900]), pack: 'packs/1' };
    const back = decodeBlock(JSON.parse(JSON.stringify(encodeBlock(block))) as never);
    expect(back).toEqual(block);
    expect(outcomeAt(back, 3)).toMatchObject({
      ordinal: 7,
      id: null,
      status: 'DONE',
      attempts: 2,
      startedAt: '2024-01-01T00:00:00.007Z',
      durationMs: 1,
      artifacts: [],
    });
    expect(outcomeAt(back, 4).artifacts).toEqual([
      { name: 'sum.json', codec: 'json', offset: 9000, bytes: 10, sha256: 'sha of 900', path: 'packs/1' },
      {
        name: 'large.bin',
        codec: 'bytes',
        offset: 0,
        bytes: 1e6,
        sha256: 'sha',
        path: 'folder/900/large.bin',
      },
    ]);
    expect(artifactPaths(back)).toEqual(['packs/1', 'folder/4/large.bin', 'folder/900/large.bin']);
  });

  it('keep errors of earlier calls of the partitions that have any, and cost nothing otherwise', () => {
    const errors = [{ attempt: 1, type: 'Error', message: 'no' }];
    const plain = blockOf([3, 7, 9]);
    expect(withEarlierErrors(plain, () => [])).toEqual(plain);
    const block = withEarlierErrors(plain, (ordinal) => (ordinal === 7 ? errors : []));
    const record = JSON.parse(JSON.stringify(encodeBlock(block))) as DoneRecord;
    expect(record).toEqual({ ...encodeBlock(plain), earlierErrors: { 7: errors } });
    const back = decodeBlock(record);
    expect(back).toEqual(block);
    expect(outcomeAt(back, 1).earlierErrors).toEqual(errors);
    expect(outcomeAt(back, 0)).not.toHaveProperty('earlierErrors');
    expect(encodeBlock(filterBlock(back, (ordinal) => ordinal !== 7))).toEqual(encodeBlock(blockOf([3, 9])));
  });

  it('shorten errors of earlier calls, never within a character, and keep the first three', () => {
    const error = earlierError(2, { type: 'Error', message: '𝄞'.repeat(300) });
    expect(error).toEqual({ attempt: 2, type: 'Error', message: '𝄞'.repeat(200) });
    const four = [1, 2, 3, 4].map((attempt) => ({ ...error, attempt }));
    expect(firstErrors(four).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it('cost a few bytes each', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => i);
    expect(JSON.stringify(encodeBlock(blockOf(many))).length).toBeLessThan(10 * many.length);
  });

  it('grow, and are taken block by block', () => {
    const columns = new DoneColumns();
    const add = (ordinal: number): void =>
      columns.add({ ordinal, attempts: 1, startedAt: AT, durationMs: 0, outputRows: 0, artifacts: null });
    for (let ordinal = 0; ordinal < 1_000; ordinal++) add(ordinal);
    expect([...columns.take().ordinals]).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    add(5);
    expect([...columns.take().ordinals]).toEqual([5]);
    expect(columns.length).toBe(0);
  });

  it('can be left out one by one', () => {
    const block = blockOf([1, 2, 3, 7], [3]);
    expect(filterBlock(block, () => true)).toBe(block);
    const some = filterBlock(block, (ordinal) => ordinal !== 2 && ordinal !== 7);
    expect([...some.ordinals]).toEqual([1, 3]);
    expect(outcomeAt(some, 1)).toEqual(outcomeAt(block, 2));
  });
});

describe('the record of calls', () => {
  it("holds a runner's current call and the number started, and keeps both after the runner ends", () => {
    const record = new CallRecord();
    const writer = new CallWriter(record.fd);
    expect(record.read()).toEqual({ started: 0, running: null });
    writer.begin([0, 0]);
    writer.end();
    expect(record.read()).toEqual({ started: 1, running: null });
    writer.begin([3, 5]);
    const running = { number: 1, startedAt: expect.any(Number), output: [3, 5] };
    expect(record.read()).toEqual({ started: 2, running });
    record.close();
    expect(record.read()).toEqual({ started: 2, running });
  });
});
