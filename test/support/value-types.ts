/** Values of every type of DuckDB's that a snapshot can have, and what Python must see of them. */

export interface TypeCase {
  type: string;
  /** Two ordinary values in SQL, then others that are hard to keep. */
  sql: string[];
  /** The same as Python's values, as Python code. */
  python: string[];
  /** pandas' type without NULL, and with NULL. Default: object. */
  pandas?: [without: string, withNull: string];
}

const whole = (type: string, least: string, most: string, pandas: string): TypeCase => ({
  type,
  sql: ['1', '2', least, most],
  python: ['1', '2', least, most],
  pandas: [pandas, 'float64'],
});

const HUGE = '170141183460469231731687303715884105727';

export const VALUE_TYPES: TypeCase[] = [
  { type: 'BOOLEAN', sql: ['true', 'false'], python: ['True', 'False'], pandas: ['bool', 'object'] },
  whole('TINYINT', '-128', '127', 'int8'),
  whole('SMALLINT', '-32768', '32767', 'int16'),
  whole('INTEGER', '-2147483648', '2147483647', 'int32'),
  whole('BIGINT', '-9223372036854775808', '9223372036854775807', 'int64'),
  whole('UTINYINT', '0', '255', 'uint8'),
  whole('USMALLINT', '0', '65535', 'uint16'),
  whole('UINTEGER', '0', '4294967295', 'uint32'),
  whole('UBIGINT', '9223372036854775808', '18446744073709551615', 'uint64'),
  { type: 'HUGEINT', sql: ['1', '-2', HUGE, `-${HUGE}`], python: ['1', '-2', HUGE, `-${HUGE}`] },
  { type: 'UHUGEINT', sql: ['1', '2', `2*${HUGE}::UHUGEINT`], python: ['1', '2', `2*${HUGE}`] },
  { type: 'BIGNUM', sql: ['1', '-2', `'${HUGE}${HUGE}'`], python: ['1', '-2', `${HUGE}${HUGE}`] },
  { type: 'FLOAT', sql: ['0.5', '-1', "'nan'", "'-inf'"], python: ['0.5', '-1.0', 'NAN', '-INF'] },
  { type: 'DOUBLE', sql: ['0.1', '1e300', "'nan'", "'inf'"], python: ['0.1', '1e300', 'NAN', 'INF'] },
  { type: 'DECIMAL(4,1)', sql: ['1.5', '-999.9'], python: ["D('1.5')", "D('-999.9')"] },
  {
    type: 'DECIMAL(12,2)',
    sql: ['1.10', '-0.01', '9999999999.99'],
    python: ["D('1.10')", "D('-0.01')", "D('9999999999.99')"],
  },
  {
    type: 'DECIMAL(18,0)',
    sql: ['1', '-2', '9'.repeat(18)],
    python: ["D('1')", "D('-2')", `D('${'9'.repeat(18)}')`],
  },
  {
    type: 'DECIMAL(38,0)',
    sql: ['1', '-2', '9'.repeat(38)],
    python: ["D('1')", "D('-2')", `D('${'9'.repeat(38)}')`],
  },
  {
    type: 'DECIMAL(38,10)',
    sql: ['1.0000000001', '-2', `${'9'.repeat(28)}.0000000001`],
    python: ["D('1.0000000001')", "D('-2.0000000000')", `D('${'9'.repeat(28)}.0000000001')`],
  },
  {
    type: 'VARCHAR',
    sql: ["'a'", "'é 漢 😀'", "''", "'NaN'", "'a' || chr(0) || 'b'"],
    python: ["'a'", "'é 漢 😀'", "''", "'NaN'", "'a\\0b'"],
  },
  { type: "ENUM('low', 'it''s, high')", sql: ["'low'", "'it''s, high'"], python: ["'low'", '"it\'s, high"'] },
  {
    type: 'BLOB',
    sql: ["'a'::BLOB", "'\\xFF\\x00'::BLOB", "''::BLOB"],
    python: ["b'a'", "b'\\xff\\0'", "b''"],
  },
  { type: 'BIT', sql: ["'101'", "'0'"], python: ["'101'", "'0'"] },
  {
    type: 'UUID',
    sql: ["'12345678-1234-5678-1234-567812345678'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    python: ["'12345678-1234-5678-1234-567812345678'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
  },
  {
    type: 'JSON',
    sql: [`'{"a": 9007199254740993}'`, "'[1.10]'", "'null'"],
    python: [`'{"a": 9007199254740993}'`, "'[1.10]'", "'null'"],
  },
  {
    type: 'INTERVAL',
    sql: ["INTERVAL '1 month'", "INTERVAL '-1 day'", "INTERVAL '1 year 2 days 00:00:00.000001'"],
    python: ["'1 month'", "'-1 day'", "'1 year 2 days 00:00:00.000001'"],
  },
  {
    type: 'DATE',
    sql: [
      "'2024-02-29'",
      "'1970-01-01'",
      "'0001-01-01'",
      "'9999-12-31'",
      "'infinity'",
      "'-infinity'",
      "'10000-01-01'",
      "'0044-03-15 (BC)'",
    ],
    python: [
      'date(2024, 2, 29)',
      'date(1970, 1, 1)',
      'date.min',
      'date.max',
      "'infinity'",
      "'-infinity'",
      "'10000-01-01'",
      "'0044-03-15 (BC)'",
    ],
  },
  {
    type: 'TIME',
    sql: ["'12:30:00'", "'00:00:00.000001'", "'24:00:00'"],
    python: ['time(12, 30)', 'time(0, 0, 0, 1)', "'24:00:00'"],
  },
  {
    type: 'TIME_NS',
    sql: ["'12:30:00'", "'00:00:00.000001'", "'00:00:00.000000001'"],
    python: ['time(12, 30)', 'time(0, 0, 0, 1)', "'00:00:00.000000001'"],
  },
  {
    type: 'TIME WITH TIME ZONE',
    sql: ["'12:30:00+01'", "'00:00:00-05:30'"],
    python: ["'12:30:00+01'", "'00:00:00-05:30'"],
  },
  {
    type: 'TIMESTAMP',
    sql: [
      "'2024-02-29 12:30:00.000001'",
      "'1969-12-31 23:59:59'",
      "'1677-01-01'",
      "'2263-01-01'",
      "'0001-01-01'",
      "'infinity'",
      "'-infinity'",
      "'10000-01-01 00:00:00.5'",
      "'0044-03-15 (BC) 12:00:00'",
    ],
    python: [
      'datetime(2024, 2, 29, 12, 30, 0, 1)',
      'datetime(1969, 12, 31, 23, 59, 59)',
      'datetime(1677, 1, 1)',
      'datetime(2263, 1, 1)',
      'datetime.min',
      "'infinity'",
      "'-infinity'",
      "'10000-01-01 00:00:00.5'",
      "'0044-03-15 (BC) 12:00:00'",
    ],
    pandas: ['datetime64[ns]', 'datetime64[ns]'],
  },
  {
    type: 'TIMESTAMP_S',
    sql: ["'2024-02-29 12:30:00'", "'1970-01-01'", "'9999-12-31'"],
    python: ['datetime(2024, 2, 29, 12, 30)', 'datetime(1970, 1, 1)', 'datetime(9999, 12, 31)'],
    pandas: ['datetime64[ns]', 'datetime64[ns]'],
  },
  {
    type: 'TIMESTAMP_MS',
    sql: ["'2024-02-29 12:30:00.001'", "'1970-01-01'", "'0001-01-01'"],
    python: ['datetime(2024, 2, 29, 12, 30, 0, 1000)', 'datetime(1970, 1, 1)', 'datetime.min'],
    pandas: ['datetime64[ns]', 'datetime64[ns]'],
  },
  {
    type: 'TIMESTAMP_NS',
    sql: ["'2024-02-29 12:30:00'", "'1970-01-01'", "'2024-01-01 00:00:00.000000001'"],
    python: [
      'datetime(2024, 2, 29, 12, 30)',
      'datetime(1970, 1, 1)',
      "Timestamp('2024-01-01 00:00:00.000000001')",
    ],
    pandas: ['datetime64[ns]', 'datetime64[ns]'],
  },
  {
    type: 'TIMESTAMP WITH TIME ZONE',
    sql: ["'2024-02-29 12:30:00+02'", "'1970-01-01 00:00:00+00'", "'2300-01-01 00:00:00+00'", "'infinity'"],
    python: [
      'datetime(2024, 2, 29, 10, 30, tzinfo=utc)',
      'datetime(1970, 1, 1, tzinfo=utc)',
      'datetime(2300, 1, 1, tzinfo=utc)',
      "'infinity'",
    ],
    pandas: ['datetime64[ns, UTC]', 'datetime64[ns, UTC]'],
  },
  {
    type: 'INTEGER[]',
    sql: ['[1, 2]', '[]', '[NULL, 1]', '[NULL]'],
    python: ['[1, 2]', '[]', '[None, 1]', '[None]'],
  },
  {
    type: 'INTEGER[3]',
    sql: ['[1, 2, 3]', '[4, 5, 6]', '[NULL, 1, 2]'],
    python: ['[1, 2, 3]', '[4, 5, 6]', '[None, 1, 2]'],
  },
  {
    type: 'HUGEINT[]',
    sql: ['[1]', '[2, 3]', `[NULL, ${HUGE}]`],
    python: ['[1]', '[2, 3]', `[None, ${HUGE}]`],
  },
  {
    type: 'VARCHAR[][]',
    sql: ["[['a'], []]", "[['b', NULL], NULL]"],
    python: ["[['a'], []]", "[['b', None], None]"],
  },
  {
    type: 'TIMESTAMP[]',
    sql: ["['2024-01-01']", '[]', "[NULL, '2400-01-01']"],
    python: ['[datetime(2024, 1, 1)]', '[]', '[None, datetime(2400, 1, 1)]'],
  },
  {
    type: 'DATE[]',
    sql: ["['2024-01-01']", '[]', "[NULL, 'infinity']"],
    python: ['[date(2024, 1, 1)]', '[]', "[None, 'infinity']"],
  },
  {
    type: 'STRUCT(a BIGINT, "b c" VARCHAR)',
    sql: [
      "{'a': 1, 'b c': 'x'}",
      "{'a': 2, 'b c': 'y'}",
      "{'a': NULL, 'b c': NULL}",
      "{'a': 9007199254740993, 'b c': 'z'}",
    ],
    python: [
      "{'a': 1, 'b c': 'x'}",
      "{'a': 2, 'b c': 'y'}",
      "{'a': None, 'b c': None}",
      "{'a': 9007199254740993, 'b c': 'z'}",
    ],
  },
  {
    type: 'STRUCT(u UUID, j JSON, h HUGEINT, "i, (" INTERVAL, s TIMESTAMP_S, d DECIMAL(5,2))[]',
    sql: [
      `[{u: '12345678-1234-5678-1234-567812345678', j: '[1]', h: ${HUGE}, "i, (": INTERVAL '1 month', s: TIMESTAMP_S '2024-01-01', d: 1.10}]`,
      '[]',
      '[NULL, {u: NULL, j: NULL, h: NULL, "i, (": NULL, s: NULL, d: NULL}]',
    ],
    python: [
      `[{'u': '12345678-1234-5678-1234-567812345678', 'j': '[1]', 'h': ${HUGE}, 'i, (': '1 month', 's': datetime(2024, 1, 1), 'd': D('1.10')}]`,
      '[]',
      "[None, {'u': None, 'j': None, 'h': None, 'i, (': None, 's': None, 'd': None}]",
    ],
  },
  {
    type: 'MAP(VARCHAR, BIGINT)',
    sql: ["MAP {'a': 1}", 'MAP {}', "MAP {'a': NULL, '__proto__': 2}"],
    python: ["{'a': 1}", '{}', "{'a': None, '__proto__': 2}"],
  },
  {
    type: 'MAP(DATE, HUGEINT[])',
    sql: [`MAP {'2024-01-01': [${HUGE}]}`, "MAP {'2024-01-02': []}"],
    python: [`{date(2024, 1, 1): [${HUGE}]}`, '{date(2024, 1, 2): []}'],
  },
  { type: 'MAP(INTEGER[], INTEGER)', sql: ['MAP {[1]: 1}', 'MAP {}'], python: ['[([1], 1)]', '[]'] },
];
