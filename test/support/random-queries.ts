/** Random queries over `data`, for comparing two ways to answer them. */
import type { Random } from '../chaos/random';
import { KINDS, RandomExpressions } from './random-expressions';

/** What queries are, by the parts that decide how they can be asked for many partitions at once. */
export const SHAPES = ['aggregates', 'groups', 'rows', 'sorted', 'windows', 'others'] as const;
export type Shape = (typeof SHAPES)[number];

export class RandomQueries {
  private readonly expressions: RandomExpressions;

  constructor(private readonly random: Random) {
    this.expressions = new RandomExpressions(random);
  }

  query(): { shape: Shape; sql: string } {
    const shape = this.random.pick(SHAPES.flatMap((each) => (each === 'others' ? each : [each, each, each])));
    return { shape, sql: this[shape]() };
  }

  private aggregates(): string {
    const items = this.several(4, () => this.expressions.output());
    return `SELECT ${this.named(items).join(', ')} ${this.from()}${this.having()}`;
  }

  private groups(): string {
    const { random, expressions } = this;
    const keys = this.several(2, () => expressions.value(random.pick(KINDS), 1));
    const items = random.shuffled([...keys, ...this.several(2, () => expressions.output())]);
    const selected = this.named(items);
    const terms = keys.map((key) => this.term(key, selected, items));
    const more = random.chance(0.3) ? [this.term(random.pick(items), selected, items)] : [];
    const order = random.chance(0.9) ? this.orderBy(random.chance(0.8) ? [...more, ...terms] : more) : '';
    const groups = keys.map((key) => (random.chance(0.8) ? key : `${items.indexOf(key) + 1}`));
    return `SELECT ${selected.join(', ')} ${this.from()} GROUP BY ${groups.join(', ')}${this.having()}${order}${this.limit()}`;
  }

  private rows(): string {
    const limit = this.random.chance(0.3) ? this.limit() : '';
    return `SELECT ${this.named(this.values()).join(', ')} ${this.from()}${limit}`;
  }

  private sorted(): string {
    const { random, expressions } = this;
    const items = this.values();
    const selected = this.named(items);
    const terms = this.several(2, () => expressions.value(random.pick(KINDS), 1));
    const named = items[0]!.startsWith('*') ? [] : [this.term(random.pick(items), selected, items)];
    // Hardly any rows are equal in it.
    const last = random.chance(0.7) ? ['u'] : [];
    const order = this.orderBy(random.chance(0.5) ? [...terms, ...last] : [...named, ...last]);
    return `SELECT ${selected.join(', ')} ${this.from()}${order}${this.limit()}`;
  }

  private windows(): string {
    const { random, expressions } = this;
    const some = this.several(2, () => expressions.value(random.pick(KINDS), 1));
    const windows = this.several(2, () => this.window());
    const selected = this.named(random.shuffled([...some, ...windows]));
    const order = random.chance(0.9) ? this.orderBy([...random.shuffled(some), 'u']) : '';
    return `SELECT ${selected.join(', ')} ${this.from()}${order}${random.chance(0.1) ? this.limit() : ''}`;
  }

  private window(): string {
    const { random, expressions } = this;
    const value = (): string => expressions.value(random.pick(KINDS), 1);
    const number = expressions.value(random.pick(['integer', 'integer', 'decimal', 'float'] as const), 1);
    const frame = random.pick([
      '',
      '',
      ' ROWS BETWEEN 2 PRECEDING AND CURRENT ROW',
      ' RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING',
      ' ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
    ]);
    const [call, takesFrame] = random.pick([
      ['row_number()', false],
      ['rank()', false],
      ['dense_rank()', false],
      ['cume_dist()', false],
      ['ntile(3)', false],
      [`lag(${value()})`, false],
      [`lead(${value()}, 2)`, false],
      [`first_value(${value()})`, true],
      [`last_value(${value()} IGNORE NULLS)`, true],
      ['count(*)', true],
      [`count(${value()})`, true],
      [`sum(${number})`, true],
      [`sum(${number}) FILTER (WHERE ${expressions.condition(1)})`, true],
      [`${random.pick(['avg', 'min', 'max'])}(${number})`, true],
    ] as const);
    const partitions = random.chance(0.4) ? `PARTITION BY ${this.several(2, value).join(', ')}` : '';
    const terms = random.chance(0.8)
      ? [...(random.chance(0.4) ? [value()] : []), random.pick(['u', 'u', 'f', 'i'])]
      : [];
    return `${call} OVER (${partitions}${this.orderBy(terms)}${takesFrame ? frame : ''})`;
  }

  private values(): string[] {
    const { random, expressions } = this;
    if (random.chance(0.15)) return [random.pick(['*', '* EXCLUDE (l, X)'])];
    return this.several(3, () => expressions.value(random.pick(KINDS), 2));
  }

  private several(most: number, make: () => string): string[] {
    return Array.from({ length: this.random.int(1, most) }, make);
  }

  /** Some with names. */
  private named(items: readonly string[]): string[] {
    return items.map(
      (item, i) => `${item}${this.random.pick(['', ` AS c${i}`, ` AS c${i}`, ` AS "C ${i}"`])}`,
    );
  }

  private from(): string {
    const { random } = this;
    const alias = random.pick(['', '', '', ' AS d', ' x']);
    const where = random.chance(0.5) ? ` WHERE ${this.expressions.condition(2)}` : '';
    return `FROM ${random.pick(['data', 'data', 'DATA'])}${alias}${where}`;
  }

  private having(): string {
    const { random } = this;
    if (!random.chance(0.12)) return '';
    return ` HAVING ${random.pick(['count(*) > 2', 'sum(i) > 0', 'max(s) IS NOT NULL'])}`;
  }

  /** One of the items as ORDER BY may name it. */
  private term(item: string, selected: readonly string[], items: readonly string[]): string {
    const at = items.indexOf(item);
    const name = / AS (\S+|".*")$/.exec(selected[at]!)?.[1];
    return this.random.pick([item, `${at + 1}`, name ?? item]);
  }

  private orderBy(terms: readonly string[]): string {
    const { random } = this;
    const way = (): string => random.pick(['', '', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST']);
    return terms.length === 0 ? '' : ` ORDER BY ${terms.map((term) => `${term}${way()}`).join(', ')}`;
  }

  private limit(): string {
    return this.random.pick([
      '',
      '',
      '',
      ' LIMIT 1',
      ' LIMIT 3',
      ' LIMIT 2 OFFSET 1',
      ' OFFSET 2',
      ' LIMIT 0',
    ]);
  }

  /** A query of another form, or one that fails for some partitions. */
  private others(): string {
    const query = this.aggregates();
    return this.random.pick([
      `SELECT i, count(*) AS n, sum(d) AS total FROM data GROUP BY i`,
      `SELECT s::INTEGER AS n, random() < 2 AS r FROM data`,
      `SELECT s::INTEGER AS n FROM data ORDER BY u LIMIT 2`,
      `SELECT i FROM data WHERE s IN (${Array.from({ length: 300 }, (_, i) => `'${i}'`).join(', ')}, 'a', 'A')`,
      `SELECT i AS k, * FROM data`,
      `SELECT count(*) AS n FROM (${query}) AS inside`,
      `WITH data AS (SELECT 1 AS i) SELECT sum(i) FROM data`,
      `SELECT sum(i) OVER (ORDER BY i, f, s) AS running FROM data`,
      `SELECT o, sum(d) AS n, rank() OVER (ORDER BY sum(d)) AS place FROM data GROUP BY o ORDER BY o`,
      `SELECT i FROM data QUALIFY row_number() OVER (PARTITION BY s ORDER BY u) = 1`,
      `SELECT max(k) AS k, count(*) AS n FROM data`,
      `SELECT any_value(s) AS k FROM data`,
      `SELECT sum(s::INTEGER) AS n FROM data WHERE s <> ''`,
      `SELECT max(s::DATE) AS day, count(*) AS n FROM data`,
      `SELECT sum(b::INTEGER) AS n FROM data`,
      `SELECT max(data) AS whole FROM data`,
      `SELECT count(__partwise_ord) AS n FROM data`,
      `SELECT count(rowid) AS n FROM data`,
      `SELECT sum(0.1::DOUBLE) AS n, sum(CASE WHEN o THEN 0.1::DOUBLE ELSE 0.2 END) AS m FROM data`,
      `SELECT list(i ORDER BY f) AS l, sum(DISTINCT f) AS n FROM data`,
      `SELECT count(*) AS n FROM data a JOIN data b USING (i)`,
      `SELECT min(i, 2) AS lowest, entropy(i) AS e FROM data`,
      `SELECT DISTINCT o FROM data ORDER BY o`,
      `SELECT count(*) AS n, count(*) AS n FROM data`,
      `FROM data SELECT sum(i) AS n`,
      `${query} -- a comment;`,
      `${query} LIMIT 1`,
    ]);
  }
}
