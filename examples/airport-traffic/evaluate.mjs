/**
 * Compares the forecast with what happened and with a repetition of the last known week, per destination, as
 * a table and as charts.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { forecastPicture } from 'partwise/models';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const table = process.argv[2] ?? 'forecast';
const database = await DuckDBInstance.create(here('warehouse.duckdb'), { access_mode: 'READ_ONLY' });
const connection = await database.connect();
/** @returns {Promise<any[]>} */
const all = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJS();

// Seasonal-naive: the same hour of the same weekday in the last known week.
const compared = `
  SELECT forecast.dest, forecast.time_hour, truth.departures::DOUBLE AS truth, forecast.prediction::DOUBLE AS prediction,
    coalesce(before.departures, 0)::DOUBLE AS naive
  FROM ${table} AS forecast
  JOIN traffic AS truth USING (dest, time_hour)
  LEFT JOIN traffic AS before ON before.dest = forecast.dest
    AND before.time_hour = forecast.time_hour - to_days(7 * (1 + date_diff('day', TIMESTAMP '2013-12-04', forecast.time_hour) // 7)::INTEGER)`;
const scores = await all(`
  SELECT dest, sum(truth) AS departures, avg(abs(prediction - truth)) AS model, avg(abs(naive - truth)) AS naive
  FROM (${compared}) GROUP BY dest ORDER BY departures DESC`);

mkdirSync(here('pictures'), { recursive: true });
for (const { dest } of scores) {
  const rows = await all(`SELECT * FROM (${compared}) WHERE dest = '${dest}' ORDER BY time_hour`);
  const svg = forecastPicture({
    title: `${dest}: departures an hour`,
    times: rows.map(({ time_hour }) => time_hour),
    truth: rows.map(({ truth }) => truth),
    prediction: rows.map(({ prediction }) => prediction),
    baseline: rows.map(({ naive }) => naive),
  });
  writeFileSync(here(`pictures/${dest}.svg`), svg);
}

console.log('dest  departures  model  naive  better by');
for (const { dest, departures, model, naive } of scores) {
  const gain = naive === 0 ? '' : `${((1 - model / naive) * 100).toFixed(0)} %`;
  console.log(
    `${dest}   ${String(departures).padStart(10)}  ${model.toFixed(3)}  ${naive.toFixed(3)}  ${gain.padStart(9)}${model > naive ? '  the model loses' : ''}`,
  );
}
const lost = scores.filter(({ model, naive }) => model > naive).map(({ dest }) => dest);
const mean = (name) => (scores.reduce((sum, row) => sum + row[name], 0) / scores.length).toFixed(3);
console.log(`\nmean absolute error: model ${mean('model')}, seasonal-naive ${mean('naive')}`);
console.log(
  `the model is better for ${scores.length - lost.length} of ${scores.length} destinations, and worse for ${lost.join(', ') || 'none'}`,
);
console.log(`pictures: ${here('pictures')}`);
connection.closeSync();
database.closeSync();
