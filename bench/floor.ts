/**
 * The cost of the work without Partwise, from the source table to the output table: no durability, no
 * outcomes, no retries.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { DuckDBDataChunk, DuckDBInstance, DOUBLE, VARCHAR, type DuckDBVector } from '@duckdb/node-api';
import { summarize, summarizeFlights } from './arithmetic';

export type Job = Record<'warehouse' | 'from' | 'output' | 'folder', string> & {
  keys: string[];
  fn: 'summarize' | 'summarizeFlights';
  processes: number;
};
type Row = Record<string, unknown>;

export async function floor(job: Job): Promise<void> {
  const { warehouse, from, keys, output, folder, processes } = job;
  const database = await DuckDBInstance.create(warehouse, { temp_directory: folder });
  const connection = await database.connect();
  const numbered = `SELECT row_number() OVER (ORDER BY ${keys}) - 1 AS ord, * FROM (SELECT DISTINCT ${keys} FROM ${from})`;
  const same = keys.map((key) => `data.${key} IS NOT DISTINCT FROM keys.${key}`).join(' AND ');
  const sorted = `SELECT ord::INTEGER AS ord, data.* FROM ${from} AS data JOIN keys ON ${same} ORDER BY ord`;
  await connection.run(`CREATE TEMP TABLE keys AS ${numbered}`);
  await connection.run(`COPY (${sorted}) TO '${folder}/sorted.parquet'`);
  const counted = await connection.runAndReadAll('SELECT count(*)::DOUBLE FROM keys');
  const share = Math.ceil((counted.getRows()[0]![0] as number) / processes);
  const parts = Array.from({ length: processes }, (_, i) => JSON.stringify({ ...job, i, share }));
  await Promise.all(parts.map((part) => once(fork(__filename, [part]), 'exit')));
  await connection.run(`CREATE OR REPLACE TABLE ${output} AS SELECT * FROM '${folder}/part-*.parquet'`);
  connection.closeSync();
  database.closeSync();
}

/** Reads numbers directly from memory if no row is NULL. */
function reader(vector: DuckDBVector): (row: number) => unknown {
  const { items, validity } = vector as unknown as { items: ArrayLike<number>; validity: { data: unknown } };
  if (ArrayBuffer.isView(items) && validity.data === null) return (row) => Number(items[row]);
  return (row) => vector.getItem(row);
}

async function work({ folder, keys, fn, i, share }: Job & { i: number; share: number }): Promise<void> {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const compute: (rows: never) => object = fn === 'summarize' ? summarize : summarizeFlights;
  const results: Row[] = [];
  let [rows, current]: [Row[], number] = [[], -1];
  const finish = (): void => {
    const key = Object.fromEntries(keys.map((name) => [name, rows[0]?.[name]]));
    if (rows.length > 0) results.push({ ...key, ...compute(rows as never) });
    rows = [];
  };
  const range = `${i * share} AND ${(i + 1) * share - 1}`;
  const result = await connection.stream(`FROM '${folder}/sorted.parquet' WHERE ord BETWEEN ${range}`);
  const names = result.columnNames();
  for (let chunk; (chunk = await result.fetchChunk()) !== null && chunk.rowCount > 0;) {
    const read = names.map((_, column) => reader(chunk!.getColumnVector(column)));
    for (let row = 0; row < chunk.rowCount; row++) {
      const ord = read[0]!(row) as number;
      if (ord !== current) finish();
      current = ord;
      const object: Row = {};
      for (let column = 1; column < names.length; column++) object[names[column]!] = read[column]!(row);
      rows.push(object);
    }
  }
  finish();
  const columns = Object.keys(results[0]!);
  const types = Object.values(results[0]!).map((value) => (typeof value === 'string' ? VARCHAR : DOUBLE));
  const declared = columns.map((name, at) => `${name} ${types[at]!.toString()}`);
  await connection.run(`CREATE TABLE results (${declared})`);
  const appender = await connection.createAppender('results');
  for (let at = 0; at < results.length; at += 2048) {
    const some = results.slice(at, at + 2048);
    const chunk = DuckDBDataChunk.create(types);
    chunk.setColumns(columns.map((name) => some.map((each) => each[name] as never)));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  await connection.run(`COPY results TO '${folder}/part-${i}.parquet'`);
}

if (process.argv[2]?.startsWith('{') === true) void work(JSON.parse(process.argv[2]) as never);
