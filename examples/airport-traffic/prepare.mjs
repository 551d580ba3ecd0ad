/**
 * Makes the table traffic(dest, time_hour, departures, four_weeks_ago): an hour a row, also those in which nothing left. `time_hour` is
 * UTC; four weeks ago is known for all hours of a forecast of four weeks.
 */
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';

const flights =
  process.argv[2] ?? fileURLToPath(new URL('../../test/data/flights_2013.parquet', import.meta.url));
const database = await DuckDBInstance.create(fileURLToPath(new URL('warehouse.duckdb', import.meta.url)));
const connection = await database.connect();
await connection.run(`
  CREATE OR REPLACE TABLE traffic AS
  WITH flights AS (FROM read_parquet('${flights.replaceAll("'", "''")}')),
    counted AS (SELECT dest, time_hour, count(*) AS departures FROM flights WHERE dep_time IS NOT NULL GROUP BY ALL),
    hourly AS (
      SELECT dest, time_hour, coalesce(departures, 0) AS departures
      FROM (SELECT DISTINCT time_hour FROM flights)
      CROSS JOIN (SELECT DISTINCT dest FROM flights)
      LEFT JOIN counted USING (dest, time_hour)
    )
  SELECT hourly.*, before.departures AS four_weeks_ago
  FROM hourly
  LEFT JOIN hourly AS before ON before.dest = hourly.dest AND before.time_hour = hourly.time_hour - INTERVAL 28 DAYS
  ORDER BY dest, time_hour`);
const [[rows, dests]] = await (
  await connection.run('SELECT count(*)::INTEGER, count(DISTINCT dest)::INTEGER FROM traffic')
).getRows();
console.log(`traffic: ${rows.toLocaleString('en')} hours of ${dests} destinations`);
connection.closeSync();
database.closeSync();
