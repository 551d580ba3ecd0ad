/** Two runs, partition by partition. */
import { Hono } from 'hono';
import { json } from '../answers';
import type { WatchedRuns } from '../watched-runs';
import type { ComparisonAnswer } from '../wire/types';

/** Partitions that are listed by id. */
const EXAMPLES = 200;
/** Points of the scatter: more cannot be told apart. */
const MAX_POINTS = 20_000;

export function compareRoutes(watched: WatchedRuns): Hono {
  const routes = new Hono();

  routes.get('/:run/compare/:other', async (context) => {
    const handleOf = (run: string, execution: string | undefined) =>
      watched.get(run, execution ?? null).handle();
    const a = await handleOf(context.req.param('run'), context.req.query('execution'));
    const b = await handleOf(context.req.param('other'), context.req.query('otherExecution'));
    const { columns, order, ...comparison } = await a.compare(b, { examples: EXAMPLES });
    const answer: ComparisonAnswer = {
      ...comparison,
      different: order.length,
      ratios: sampled(columns.durationRatio),
    };
    return json(context, answer);
  });

  return routes;
}

/** Ratios of evenly spread partitions that have one, as logarithms to base 2, rounded to hundredths. */
function sampled(ratios: Float64Array): number[] {
  const known = ratios.filter((ratio) => ratio > 0);
  const step = Math.max(1, Math.ceil(known.length / MAX_POINTS));
  const points: number[] = [];
  for (let i = 0; i < known.length; i += step) points.push(Math.round(Math.log2(known[i]!) * 100) / 100);
  return points;
}
