/** Random expressions over the columns of a random table. */
import { Random } from '../chaos/random';

/** Columns by the kind of their values. */
export const COLUMNS = {
  integer: { i: 'INTEGER', b: 'BIGINT', h: 'HUGEINT', u: 'BIGINT' },
  decimal: { d: 'DECIMAL(9,2)', e: 'DECIMAL(38,4)' },
  float: { f: 'DOUBLE', g: 'FLOAT' },
  text: { s: 'VARCHAR', '"It\'s"': 'VARCHAR' },
  date: { t: 'DATE', ts: 'TIMESTAMP' },
  boolean: { o: 'BOOLEAN' },
  other: { l: 'INTEGER[]', st: 'STRUCT(a INTEGER, b VARCHAR)', iv: 'INTERVAL', x: 'BLOB' },
} as const;
export type Kind = keyof typeof COLUMNS;
export const KINDS = Object.keys(COLUMNS) as Kind[];

/** Values of columns: few, so that rows have equal ones. */
export const VALUES: Record<string, string[]> = {
  i: ['0', '1', '2', '-3', '2147483647', '-2147483648'],
  b: ['0', '7', '9223372036854775807', '-9007199254740993'],
  h: ['0', '170141183460469231731687303715884105727', '-5', '3'],
  u: ['1'],
  d: ['0', '0.10', '-2.50', '9999999.99', '3'],
  e: ['0', '0.0001', '-1234567890123456789012345678901234.5678', '2'],
  f: ["'nan'", "'inf'", "'-0.0'", '0.0', '0.1', '0.2', '1e300', '-1e-300', '3.3'],
  g: ['0.1', '1e30', "'-0.0'", '16777217', '-2.5'],
  s: ["''", "'a'", "'A'", "'ä'", "'ab'", "'a longer text that is not inline'", "'%'", "'2024-01-05'", "'12'"],
  '"It\'s"': ["'x'", "'y'", "'Z'"],
  t: ["'2024-01-01'", "'2024-02-29'", "'1969-12-31'", "'infinity'"],
  ts: ["'2024-01-01 00:00:00.000001'", "'2024-06-30 23:59:59'", "'1900-01-01'"],
  o: ['true', 'false'],
  l: ['[1, 2]', '[]', '[NULL, 3]', '[1]'],
  st: ["{'a': 1, 'b': 'x'}", "{'a': NULL, 'b': 'y'}"],
  iv: ["INTERVAL '1 day'", "INTERVAL '1 month'", "INTERVAL '30 days'", "INTERVAL '-1 second'"],
  x: ["'\\xAA\\x00'::BLOB", "''::BLOB"],
};

export class RandomExpressions {
  constructor(private readonly random: Random) {}

  output(): string {
    const one = this.aggregate();
    return this.chance(0.75)
      ? one
      : this.pick([
          `round(${this.sum('decimal')}, 1)`,
          `${this.sum('integer')} / count(*)`,
          `coalesce(${this.sum('float')}, 0)`,
          `CASE WHEN count(*) > 3 THEN ${this.sum('float')} END`,
          `upper(max(${this.value('text', 1)}))`,
          `list_value(min(i), max(i))`,
          `{'n': count(*), 'total': ${this.sum('decimal')}}`,
          `7`,
          `NULL`,
          `sum(i)::VARCHAR || ' rows'`,
        ]);
  }

  sum(kind: Kind): string {
    return `sum(${this.value(kind, 1)})`;
  }

  aggregate(): string {
    const kind = this.pick(KINDS);
    const value = this.value(kind, 2);
    const numeric = this.value(this.pick(['integer', 'decimal', 'float'] as const), 2);
    const made = this.pick([
      () => 'count(*)',
      () => `count(${value})`,
      () => `count(DISTINCT ${value})`,
      () => `count_if(${this.condition(1)})`,
      () => `sum(${numeric})`,
      () => `sum(${numeric})`,
      () => `sum(DISTINCT ${numeric})`,
      () => `avg(${numeric})`,
      () => `${this.pick(['min', 'max'])}(${value})`,
      () => `${this.pick(['first', 'last', 'any_value', 'mode', 'list', 'array_agg'])}(${value})`,
      () => `string_agg(${this.value('text', 1)}, ${this.pick(["','", "''", "' – '"])})`,
      () => `${this.pick(['arg_min', 'arg_max', 'max_by'])}(${value}, ${this.value(this.pick(KINDS), 1)})`,
      () => `${this.pick(['median', 'mode', 'stddev', 'var_pop', 'product', 'stddev_pop'])}(${numeric})`,
      () => `quantile_cont(${numeric}, ${this.pick(['0.5', '0.9', '[0.25, 0.75]'])})`,
      () => `quantile_disc(${value}, 0.3)`,
      () => `${this.pick(['bool_and', 'bool_or'])}(${this.condition(1)})`,
      () => `${this.pick(['bit_and', 'bit_or', 'bit_xor'])}(i)`,
      () => `${this.pick(['corr', 'covar_pop', 'covar_samp'])}(${numeric}, ${this.value('float', 1)})`,
      () => `approx_count_distinct(${value})`,
    ])();
    return this.chance(0.2) ? `${made} FILTER (WHERE ${this.condition(1)})` : made;
  }

  value(kind: Kind, depth: number): string {
    const column = this.pick(Object.keys(COLUMNS[kind]));
    if (depth === 0 || this.chance(0.5)) return column;
    const inner = (): string => this.value(kind, depth - 1);
    switch (kind) {
      case 'integer':
        return this.pick([
          () => `(${inner()} % 5)`,
          () => `length(${this.value('text', 0)})`,
          () => `CASE WHEN ${this.condition(0)} THEN 1 ELSE 0 END`,
          () => `coalesce(${inner()}, -1)`,
          () => `(${inner()} + 1)`,
          () => `year(${this.value('date', 0)})`,
          () => '1',
        ])();
      case 'decimal':
        return this.pick([
          () => `(${inner()} * 0.5)`,
          () => `(d + i)`,
          () => `abs(${inner()})`,
          () => `f::DECIMAL(30,3)`,
          () => '0.10',
        ])();
      case 'float':
        return this.pick([
          () => `(${inner()} * 0.1::DOUBLE)`,
          () => `(${inner()} - f)`,
          () => `(f / ${this.value('integer', 0)})`,
          () => `sqrt(abs(${inner()}))`,
          () => `-${inner()}`,
          () => `(i * 1e-1)`,
          () => `CASE WHEN ${this.condition(0)} THEN ${inner()} ELSE 0.1 END`,
          () => `i::DOUBLE`,
          () => '0.1::DOUBLE',
        ])();
      case 'text':
        return this.pick([
          () => `upper(${inner()})`,
          () => `(${inner()} || 'x')`,
          () => `substr(${inner()}, 1, 1)`,
          () => `i::VARCHAR`,
        ])();
      case 'date':
        return this.pick([
          () => `date_trunc('month', ${inner()})`,
          () => `(${inner()} + INTERVAL 1 DAY)`,
          () => `ts::DATE`,
        ])();
      case 'boolean':
        return `(${this.condition(depth - 1)})`;
      default:
        return this.pick(['l', '[i, 1]', 'st', 'l[1]', "struct_extract(st, 'a')", 'iv']);
    }
  }

  condition(depth: number): string {
    if (depth > 0 && this.chance(0.4))
      return `(${this.condition(depth - 1)} ${this.pick(['AND', 'OR'])} ${this.pick(['', 'NOT '])}${this.condition(depth - 1)})`;
    return this.pick([
      'i > 0',
      'f > 0',
      'f = 3.3',
      'g = 0.1::FLOAT',
      'd BETWEEN -3 AND 1',
      's IS NULL',
      "s LIKE 'a%'",
      "s IN ('a', 'A', NULL)",
      'o',
      "t >= DATE '2024-01-01'",
      'i IS DISTINCT FROM 2',
      'false',
      "k = 'k1'",
      'length(s) > 1',
      'i NOT IN (0, 1)',
      'f IS NOT NULL',
      'b > 5e0',
      'b > 5',
    ]);
  }

  below(limit: number): number {
    return this.random.int(0, limit - 1);
  }

  chance(probability: number): boolean {
    return this.random.chance(probability);
  }

  pick<T>(items: readonly T[]): T {
    return this.random.pick(items);
  }
}
