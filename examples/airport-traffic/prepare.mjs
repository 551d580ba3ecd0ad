/**
 * Creates the table traffic(dest, time_hour, departures) with one row per hour, including hours without
 * departures. `time_hour` is UTC. AIRPORT_DESTINATIONS limits it to the busiest destinations (default: all
 * 105).
 */
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';

const flights =
  process.argv[2] ?? fileURLToPath(new URL('../../test/data/flights_2013.parquet', import.meta.url));
const destinations = Number(process.env['AIRPORT_DESTINATIONS'] ?? 105);
const database = await DuckDBInstance.create(fileURLToPath(new URL('warehouse.duckdb', import.meta.url)));
const connection = await database.connect();
await connection.run(`
  CREATE OR REPLACE TABLE traffic AS
  WITH flights AS (FROM read_parquet('${flights.replaceAll("'", "''")}')),
    busiest AS (SELECT dest FROM flights GROUP BY dest ORDER BY count(*) DESC LIMIT ${destinations}),
    counted AS (SELECT dest, time_hour, count(*) AS departures FROM flights WHERE dep_time IS NOT NULL GROUP BY ALL)
  SELECT dest, time_hour, coalesce(departures, 0) AS departures
  FROM (SELECT DISTINCT time_hour FROM flights)
  CROSS JOIN busiest
  LEFT JOIN counted USING (dest, time_hour)
  ORDER BY dest, time_hour`);
const [[rows, dests]] = await (
  await connection.run('SELECT count(*)::INTEGER, count(DISTINCT dest)::INTEGER FROM traffic')
).getRows();
console.log(`traffic: ${rows.toLocaleString('en')} hours of ${dests} destinations`);
connection.closeSync();
database.closeSync();
