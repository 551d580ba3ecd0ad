/** The combined rows of a run: pages of them, and what their columns are like. */
import { join } from 'node:path';
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { FILTER_OPERATORS, type RunHandle } from '../..';
import { json } from '../answers';
import { columnFigures, resultsAnswer } from '../results-answers';
import type { WatchedRuns } from '../watched-runs';
import type { ResultsRequest } from '../wire/types';
import { body } from './body';
import { sentFile } from './sent-file';

const MAX_TEXT = 4_096;
const MAX_CONDITIONS = 50;

export function resultRoutes(watched: WatchedRuns): Hono {
  const routes = new Hono();

  routes.post('/:run/results', async (context) => {
    const request = await body(context, PAGE);
    return json(context, await resultsAnswer(await handleOf(context), request));
  });

  routes.get('/:run/results/file', async (context) => {
    const run = await handleOf(context);
    return sentFile(context, async (folder) => {
      const file = join(folder, 'results.parquet');
      await run.saveResults(file);
      return file;
    });
  });

  routes.post('/:run/results/columns', async (context) => {
    const { where } = await body(context, COLUMNS);
    return json(context, await columnFigures(await handleOf(context), where));
  });

  function handleOf(context: Context): Promise<RunHandle> {
    return watched.get(context.req.param('run')!, context.req.query('execution') ?? null).handle();
  }

  return routes;
}

const WHERE = z
  .array(
    z.strictObject({
      column: z.string().max(MAX_TEXT),
      op: z.enum(FILTER_OPERATORS),
      value: z.string().max(MAX_TEXT).optional(),
    }),
  )
  .max(MAX_CONDITIONS);

const COLUMNS = z.strictObject({ where: WHERE });

/** The library checks names and values. */
const PAGE: z.ZodType<ResultsRequest> = z.strictObject({
  offset: z.int().min(0),
  limit: z.int().min(1).max(500),
  sort: z
    .array(z.strictObject({ column: z.string().max(MAX_TEXT), descending: z.boolean() }))
    .max(MAX_CONDITIONS),
  where: WHERE,
});
