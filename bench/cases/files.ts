import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type Event, summarize } from '../arithmetic';
import { processorSeconds, residentOf, watchMemory, type World } from '../world';
import { timed, type Case } from './case';

const CSV = [2_000, 20_000] as const;
const PARQUET = 200;
const MAX_MEGABYTES = 400;
/** Of the time of the loop. */
const MAX_CSV = 0.5;
/** For ten times as many files, of ten times the time. */
const MAX_GROWTH = 1.1;

export const files: Case = {
  name: 'files',
  work: 'a file is a partition: 2,000 and 20,000 CSV files × 20 rows, 200 Parquet files × 100,000 rows: count, sum, median',
  ratio: 'time of a plain loop over the Parquet files with DuckDB, in one process',
  target: { atMost: 1.3 },
  async prepare(world) {
    for (const count of CSV) writeCsv(folderOf(world, `csv-${count}`), count);
    const parquet = folderOf(world, 'parquet');
    await world.execute(
      ...Array.from(
        { length: PARQUET },
        (_, i) =>
          `COPY (SELECT range AS id, (hash(range, ${i}) % 100000) / 100.0::DOUBLE AS amount, 'customer ' || (range % 1000) AS customer, DATE '2024-01-01' + (range % 365)::INTEGER AS day FROM range(100000)) TO '${join(parquet, `${i}.parquet`)}'`,
      ),
    );
    writeCsv(folderOf(world, 'warm'), 600);
    await world.startWorker();
    await world.warmUp();
    await run(world, 'warm');
  },
  async measure(world) {
    const idle = residentOf(world.workerPid);
    const memory = watchMemory(world.workerPid);
    const before = processorSeconds(world.workerPid);
    const few = await run(world, 'csv-2000');
    const cpu = processorSeconds(world.workerPid) - before;
    const many = await run(world, 'csv-20000');
    const megabytes = (memory() - idle) / 1e6;
    const fewLoop = await loop(world, 'csv-2000');
    const parquet = await run(world, 'parquet');
    const parquetLoop = await loop(world, 'parquet');
    const growth = many / few / (CSV[1] / CSV[0]);
    const missed: string[] = [];
    if (few / fewLoop > MAX_CSV) missed.push(`2,000 CSV files take more than ${MAX_CSV} × the loop`);
    if (growth > MAX_GROWTH) missed.push(`20,000 CSV files take more than ${MAX_GROWTH} × ten times 2,000`);
    if (megabytes > MAX_MEGABYTES) missed.push(`the CSV files take more than ${MAX_MEGABYTES} MB`);
    return {
      ratio: parquet / parquetLoop,
      missed,
      details: {
        'csv-2k': few,
        'its loop': fewLoop,
        'files a second': CSV[0] / few,
        'ms of CPU a file': (cpu / CSV[0]) * 1000,
        'csv-20k': many,
        'MB beyond idle': megabytes,
        parquet,
        'its loop ': parquetLoop,
      },
    };
  },
};

function folderOf(world: World, name: string): string {
  const folder = join(world.project, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function writeCsv(folder: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const rows = Array.from(
      { length: 20 },
      (_, row) =>
        `customer ${i},${row},${((i * 7919 + row * 104729) % 100000) / 100},2024-01-${String((row % 28) + 1).padStart(2, '0')}`,
    );
    writeFileSync(
      join(folder, `${String(i).padStart(6, '0')}.csv`),
      ['customer,id,amount,day', ...rows, ''].join('\n'),
    );
  }
}

async function run(world: World, name: string): Promise<number> {
  return (await world.run({ function: 'summary', source: { files: name } })).seconds;
}

/** What one would write without Partwise: a query for each file, and a table of the results. */
async function loop(world: World, name: string): Promise<number> {
  const folder = join(world.project, name);
  return timed(async () => {
    const database = await DuckDBInstance.create(':memory:');
    const connection = await database.connect();
    await connection.run('CREATE TABLE results (file VARCHAR, n BIGINT, total DOUBLE, median DOUBLE)');
    const appender = await connection.createAppender('results');
    for (const file of (await readdir(folder)).sort()) {
      const reader = await connection.runAndReadAll(`SELECT * FROM '${join(folder, file)}'`);
      const { n, total, median } = summarize(reader.getRowObjectsJS() as unknown as Event[]);
      appender.appendVarchar(file);
      appender.appendBigInt(BigInt(n));
      appender.appendDouble(total);
      appender.appendDouble(median);
      appender.endRow();
    }
    appender.closeSync();
    await connection.run(`COPY results TO '${join(world.folder, 'loop.parquet')}'`);
    connection.closeSync();
    database.closeSync();
  });
}
