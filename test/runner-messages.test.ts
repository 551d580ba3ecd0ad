/** Messages between workers and runners as bytes, and the values in them: docs/runner-protocol.md. */
import { PassThrough } from 'node:stream';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { DoneColumns } from '../src/core/done-block';
import { describedFunctions } from '../src/runners/message-shapes';
import { Channel } from '../src/runners/channel';
import { decodeMessage, encodeMessage } from '../src/runners/message-bytes';
import type { FromRunner } from '../src/runners/protocol';
import { decodeValue, encodeValue } from '../src/runners/tagged-values';

function segmentOf(count: number): FromRunner & { type: 'segment' } {
  const columns = new DoneColumns();
  for (let i = 0; i < count; i++)
    columns.add({
      ordinal: i * 3,
      attempts: 1 + (i % 2),
      startedAt: 1_700_000_000_000.5 + i,
      durationMs: i / 8,
      outputRows: i,
      artifacts: i % 2 === 0 ? null : [['a.txt', 'text', i, 1, 'f'.repeat(64)]],
    });
  return { type: 'segment', done: columns.take(), outcomes: [], rows: null, pack: '/scratch/pack' };
}

/** The two parts of a message, whose lengths come first. */
function partsOf(bytes: Buffer): [header: Buffer, body: Buffer] {
  const end = 8 + bytes.readUInt32LE(0);
  expect(bytes).toHaveLength(end + bytes.readUInt32LE(4));
  return [bytes.subarray(8, end), bytes.subarray(end)];
}

describe('a message', () => {
  test('consists of its lengths, JSON, and the columns of outcomes as little-endian numbers', () => {
    const [header, body] = partsOf(encodeMessage(segmentOf(2)));
    expect(JSON.parse(header.toString())).toEqual({
      type: 'segment',
      done: { partitions: 2, artifacts: [null, [['a.txt', 'text', 1, 1, 'f'.repeat(64)]]] },
      outcomes: [],
      rows: null,
      pack: '/scratch/pack',
    });
    const doubles = [0, 8, 16, 24].map((at) => body.readDoubleLE(at));
    const integers = [32, 36, 40, 44, 48, 52].map((at) => body.readInt32LE(at));
    expect(doubles).toEqual([1_700_000_000_000.5, 1_700_000_000_001.5, 0, 0.125]);
    expect(integers).toEqual([0, 3, 1, 2, 0, 1]);
  });

  test.each([0, 1, 3, 1_000])('of %d outcomes is read as it was written', (count) => {
    const segment = segmentOf(count);
    expect(decodeMessage(...partsOf(encodeMessage(segment)))).toEqual(segment);
  });

  test('keeps every character of its strings', () => {
    const text = 'é 漢 😀 \ud800 \0 \u2028 "\\';
    const message: FromRunner = {
      type: 'log',
      lines: [{ at: '2024-01-01T00:00:00Z', ordinal: 1, attempt: 1, stream: 'stdout', text }],
    };
    expect(decodeMessage(...partsOf(encodeMessage(message)))).toEqual(message);
  });

  test.each([1, 3, 7, 64])('is read from a socket that delivers %d bytes at a time', async (size) => {
    const messages = [segmentOf(5), { type: 'pong' } as const, segmentOf(1), { type: 'pong' } as const];
    const bytes = Buffer.concat(messages.map(encodeMessage));
    const socket = new PassThrough();
    const received: unknown[] = [];
    const closed = new Promise<void>((resolve) => {
      new Channel(socket as unknown as Socket, {
        onMessage: (message) => received.push(message),
        onBroken: (why) => received.push(why),
        onClose: resolve,
      });
    });
    for (let at = 0; at < bytes.length; at += size) socket.write(bytes.subarray(at, at + size));
    socket.end();
    socket.on('end', () => socket.destroy());
    await closed;
    expect(received).toEqual(messages);
  });
});

test('a description of a function keeps a declared column named __proto__', () => {
  const output = JSON.parse('{"__proto__": "DATE", "n": "INT"}') as object;
  const described = describedFunctions({
    type: 'functions',
    functions: [{ name: 'f', output }],
    error: null,
  });
  expect(Object.entries(described!.functions[0]!.output!)).toEqual(Object.entries(output));
});

describe('a tagged value', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['text', 'a\ud800b'],
    ['negative zero', -0],
    ['numbers that JSON cannot represent', [NaN, Infinity, -Infinity, 0.1, 1e300]],
    ['bigints', [2n ** 64n, -1n]],
    ['dates', [new Date(0), new Date(-1), new Date(8.64e15)]],
    ['bytes', new Uint8Array([0, 255, 10])],
    ['undefined', { a: undefined, b: [undefined] }],
    ['objects', { a: { b: [{ c: 1n }] } }],
    ['objects with the key of tags', [{ $: 'date', value: 1 }, { $: { $: null } }]],
    ['a key named __proto__', JSON.parse('{"__proto__": {"a": 1}, "b": [{"__proto__": 2}]}')],
  ])('keeps %s', (_, value) => {
    const sent = JSON.parse(JSON.stringify(encodeValue(value))) as unknown;
    expect(decodeValue(sent)).toEqual(value);
    expect(JSON.stringify(encodeValue(decodeValue(sent)))).toBe(JSON.stringify(encodeValue(value)));
  });

  test('keeps an invalid Date invalid', () => {
    const sent = JSON.parse(JSON.stringify(encodeValue(new Date(NaN)))) as unknown;
    expect(sent).toEqual({ $: 'date', value: null });
    expect((decodeValue(sent) as Date).getTime()).toBeNaN();
  });

  test.each<[string, unknown, string]>([
    ['a function', () => 1, 'a function'],
    ['a Map', { a: [new Map()] }, 'a Map'],
    ['a symbol', Symbol('s'), 'a symbol'],
  ])('cannot be %s', (_, value, name) => {
    expect(() => encodeValue(value)).toThrow(new TypeError(`${name} cannot be sent between processes.`));
  });

  test('is refused if its tag does not exist', () => {
    expect(() => decodeValue([{ $: 'set', value: [] }])).toThrow(TypeError);
  });
});
