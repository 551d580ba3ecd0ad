import { describe, expect, test } from '@jest/globals';
import { combineColumns, unifyTypes } from '../src/rows/combine';
import { keyValues } from '../src/core/key-values';

describe('the columns of combined rows', () => {
  test.each([
    ['BIGINT', 'DOUBLE', 'DOUBLE'],
    ['BIGINT', 'INTEGER', 'BIGINT'],
    ['UINTEGER', 'INTEGER', 'BIGINT'],
    ['UBIGINT', 'BIGINT', 'HUGEINT'],
    ['DECIMAL(10,2)', 'DECIMAL(12,4)', 'DECIMAL(12,4)'],
    ['DECIMAL(10,2)', 'INTEGER', 'DECIMAL(12,2)'],
    ['DECIMAL(38,0)', 'DECIMAL(10,4)', 'DOUBLE'],
    ['DATE', 'TIMESTAMP', 'TIMESTAMP'],
    ['TIMESTAMP', 'TIMESTAMP WITH TIME ZONE', 'TIMESTAMP WITH TIME ZONE'],
    ['VARCHAR', 'JSON', 'VARCHAR'],
    ['BIGINT[]', 'DOUBLE[]', 'DOUBLE[]'],
    [
      'STRUCT(a BIGINT, "b, c" VARCHAR)',
      'STRUCT(a DOUBLE, d DATE)',
      'STRUCT("a" DOUBLE, "b, c" VARCHAR, "d" DATE)',
    ],
    ['BIGINT', 'VARCHAR', null],
    ['BOOLEAN', 'BIGINT', null],
    ['DATE', 'VARCHAR', null],
  ])('of types %s and %s become %s', (a, b, both) => {
    expect([unifyTypes(a, b), unifyTypes(b, a)?.length]).toEqual([both, both?.length]);
  });

  test('keep their order of appearance, even a column without any value', () => {
    const n = { name: 'n', type: 'BIGINT' };
    const t = { name: 't', type: 'VARCHAR' };
    const files = [
      { columns: [n], order: ['k', 'n', 'empty'] },
      { columns: [t, n], order: ['k', 't', 'n'] },
    ];
    expect(combineColumns(files)).toEqual({
      columns: [{ name: 'k', type: 'VARCHAR' }, t, n, { name: 'empty', type: 'VARCHAR' }],
      problems: [],
    });
  });

  test('with incompatible types are all reported together', () => {
    const file = (...columns: [string, string][]) => ({
      columns: columns.map(([name, type]) => ({ name, type })),
      order: [],
    });
    const { problems } = combineColumns([
      file(['n', 'BIGINT'], ['Total', 'DOUBLE']),
      file(['n', 'VARCHAR'], ['total', 'DOUBLE']),
    ]);
    expect(problems).toEqual([
      'The column "n" is a number (BIGINT) in some partitions and text (VARCHAR) in others: return one type for all, for example String(n).',
      'The columns "Total" and "total" differ only in case, which SQL ignores: return one spelling.',
    ]);
  });
});

test.each<[string, string, unknown]>([
  ['42', 'BIGINT', 42],
  ['9007199254740993', 'BIGINT', 9007199254740993n],
  ['1.5', 'DECIMAL(10,2)', 1.5],
  ['-inf', 'DOUBLE', -Infinity],
  ['false', 'BOOLEAN', false],
  ['2024-02-29', 'DATE', new Date('2024-02-29')],
  ['0044-03-15%20(BC)', 'DATE', new Date('-000043-03-15')],
  ['2024-02-29%2010%3A20%3A30.5', 'TIMESTAMP', new Date('2024-02-29T10:20:30.500Z')],
  ['2024-02-29%2010%3A20%3A30%2B00', 'TIMESTAMP WITH TIME ZONE', new Date('2024-02-29T10:20:30Z')],
  ['0044-03-15%20(BC)%2010%3A20%3A30', 'TIMESTAMP', new Date('-000043-03-15T10:20:30Z')],
  ['infinity', 'DATE', 'infinity'],
  ['-infinity', 'TIMESTAMP', '-infinity'],
  ['5000000-01-01', 'DATE', '5000000-01-01'],
  ['1', 'VARCHAR', '1'],
  ['%-', 'BIGINT', null],
  ['%_', 'VARCHAR', ''],
])('the id %s of a %s column can be decoded to its value (I6)', (id, type, value) => {
  expect(keyValues(id, [{ name: 'k', type }])).toEqual({ k: value });
});
