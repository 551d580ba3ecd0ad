/** What a project has besides runs. */
import { Hono } from 'hono';
import { z } from 'zod';
import type { RunInput } from '../..';
import { json } from '../answers';
import type { Changing, ProjectAccess } from '../backend';
import type { StartedRun, WorkersAnswer } from '../wire/project';
import { body } from './body';
import { modelRoutes } from './models';
import { scheduleRoutes } from './schedules';

/** `change` null: the routes of actions do not exist. */
export function projectRoutes(project: ProjectAccess, change: Changing | null): Hono {
  const routes = new Hono();
  routes.route('/schedules', scheduleRoutes(project.read, change));
  routes.route('/models', modelRoutes(project.read, change));

  routes.get('/functions', async (context) => json(context, await project.functions()));

  routes.get('/workers', async (context) => {
    const answer = await project.read(async (partwise): Promise<WorkersAnswer> => ({
      embedded: partwise.embedded,
      queues: await partwise.workers(),
    }));
    return json(context, answer);
  });

  // A read, with too much for an address.
  routes.post('/plan', async (context) => {
    const { input } = await body(context, PLAN);
    return json(context, await project.read((partwise) => partwise.plan(inputOf(input))));
  });

  if (change === null) return routes;

  routes.post('/runs', async (context) => {
    const { input, runId } = await body(context, START);
    const run = await change(context, (partwise) =>
      partwise.start(inputOf(input), { runId: runId || undefined }),
    );
    return json(context, { runId: run.runId } satisfies StartedRun);
  });

  return routes;
}

/** The library checks it, and names every problem. */
function inputOf(input: Readonly<Record<string, unknown>>): RunInput {
  return input as unknown as RunInput;
}

const PLAN = z.strictObject({ input: z.record(z.string(), z.unknown()) });
const START = PLAN.extend({ runId: z.string().max(1_000).optional() });
