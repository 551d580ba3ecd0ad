/** What a seed's run reads, in each of the three forms, and its replacement while the run goes on. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { encodePartitionId } from '../../src/core/partition-id';
import { withDatabase } from '../../src/duckdb/database-file';
import { literal } from '../../src/duckdb/quote';
import type { PartitionSpec, Scenario } from './scenario';

/** Source columns that hold the row's number. */
const NAMES = ', r AS constructor, r AS "toString", r AS "__proto__"';

type KeyValues = Record<string, string | number | null>;

export class Source {
  constructor(
    private readonly scenario: Scenario,
    private readonly project: string,
  ) {}

  get warehouse(): string {
    return join(this.project, 'w.duckdb');
  }

  /** Part of the run's input. */
  get input(): Record<string, unknown> {
    switch (this.scenario.source) {
      case 'table':
        return { source: { table: 'source' }, partitionBy: ['k', 'g'] };
      case 'file':
        return { source: { files: 'source.parquet' }, partitionBy: ['k', 'g'] };
      case 'files':
        return { source: { files: 'in', pattern: '**/*.csv' } };
    }
  }

  /** The same as flags of `partwise run`. */
  get flags(): string[] {
    switch (this.scenario.source) {
      case 'table':
        return ['--from', 'source', '--by', 'k,g'];
      case 'file':
        return ['--from', 'source.parquet', '--by', 'k,g'];
      case 'files':
        return ['--from', 'in', '--pattern', '**/*.csv'];
    }
  }

  /** The key of a partition. */
  keyOf({ key: [k, g], file }: PartitionSpec): KeyValues {
    return this.scenario.source === 'files' ? { file } : { k, g };
  }

  idOf(partition: PartitionSpec): string {
    return idOfKey(this.keyOf(partition));
  }

  /** Partition ids. */
  get ids(): string[] {
    return this.scenario.partitions.map((each) => this.idOf(each));
  }

  async make(): Promise<void> {
    const { partitions, source, oddities } = this.scenario;
    const values = partitions.map(
      ({ key: [k, g], rows }, i) => `(${i}, ${k === null ? 'NULL' : literal(k)}, ${g}, ${rows})`,
    );
    await this.execute(
      'CREATE TABLE keys (i INTEGER, k VARCHAR, g INTEGER, rows INTEGER)',
      `INSERT INTO keys VALUES ${values.join(', ')}`,
      `CREATE TABLE source AS SELECT k, g, r AS n${oddities.names ? NAMES : ''}, ((i * 7919 + r * 104729) % 10007)::BIGINT AS amount
         FROM keys, LATERAL (SELECT unnest(range(rows)) AS r) ORDER BY hash(i, r)`,
      // The rows that the run must have read, whatever happens to its source.
      'CREATE TABLE source_at_start AS SELECT * FROM source',
      ...(source === 'file' ? [`COPY source TO ${literal(join(this.project, 'source.parquet'))}`] : []),
    );
    if (source !== 'files') return;
    for (const [i, { file, rows }] of partitions.entries()) {
      const path = join(this.project, 'in', file);
      mkdirSync(dirname(path), { recursive: true });
      const lines = Array.from({ length: rows }, (_, r) => `${r},${(i * 7919 + r * 104729) % 10007}`);
      writeFileSync(path, ['n,amount', ...lines, ''].join('\n'));
    }
  }

  execute(...statements: string[]): Promise<void> {
    return withDatabase(this.warehouse, 'write', async (connection) => {
      for (const statement of statements) await connection.run(statement);
    });
  }

  /** Inserts, changes and deletes rows of the table; one partition is added, and one removed. */
  change(): Promise<void> {
    return this.execute(
      "INSERT INTO source BY NAME SELECT 'new' AS k, 0 AS g, 1 AS n, 1 AS amount UNION ALL SELECT 'region 3', 3, 99, 1000000",
      "UPDATE source SET amount = amount + 5000 WHERE k = 'region 5'",
      "DELETE FROM source WHERE k = 'region 7' OR k = '..'",
    );
  }

  /** Puts another table or file with other rows in its place. */
  async replace(): Promise<void> {
    const others = 'SELECT * REPLACE (amount + 777 AS amount) FROM source WHERE n % 3 <> 1';
    if (this.scenario.source === 'table') return this.execute(`CREATE OR REPLACE TABLE source AS ${others}`);
    const file = join(this.project, 'source.parquet');
    await this.execute(`COPY (${others}) TO ${literal(`${file}.new`)}`);
    renameSync(`${file}.new`, file);
  }

  /**
   * Puts another file in place of a partition's: of the same size or not. Returns what puts the first one
   * back.
   */
  replaceFile(id: string, sameSize: boolean): () => void {
    const spec = this.scenario.partitions.find((each) => this.idOf(each) === id)!;
    const path = join(this.project, 'in', spec.file);
    const content = readFileSync(path, 'utf8');
    const other = sameSize
      ? content.replace(/\d(?=\n$)/, (digit) => String(9 - Number(digit)))
      : `${content}99,1\n`;
    const aside = join(this.project, `${spec.file.replaceAll('/', '_')}.planned`);
    renameSync(path, aside);
    writeFileSync(`${path}.new`, other);
    renameSync(`${path}.new`, path);
    return () => {
      if (existsSync(aside)) renameSync(aside, path);
    };
  }
}

/** The id of a row of the output: by its key. */
export function idOfKey(key: KeyValues): string {
  return encodePartitionId(Object.values(key).map((value) => (value === null ? null : String(value))));
}
