/** Random queries over `data`, for comparing two ways to answer them. */
import type { Random } from '../chaos/random';
import { KINDS, RandomExpressions } from './random-expressions';

/** What queries are, by the parts that decide how they can be asked for many partitions at once. */
export const SHAPES = ['aggregates', 'groups', 'others'] as const;
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
      `SELECT i, count(*) AS n, sum(d) AS total FROM data GROUP BY i ORDER BY i`,
      `SELECT s, f FROM data WHERE ${this.expressions.condition(1)}`,
      `SELECT count(*) AS n FROM (${query}) AS inside`,
      `WITH data AS (SELECT 1 AS i) SELECT sum(i) FROM data`,
      `SELECT sum(i) OVER (ORDER BY i, f, s) AS running FROM data`,
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
