/** Schedules, and what can be done with them. */
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { json } from '../answers';
import type { Changing, Connected } from '../backend';
import { firingsOf } from '../firings';
import type { ScheduleAnswer } from '../wire/schedules';
import { userOf } from '../user';
import { body } from './body';

/** Number of firings that are shown. */
const MAX_FIRINGS = 50;
const MAX_NOTE = 1_000;
const DONE = { done: true };

export function scheduleRoutes(project: Connected, change: Changing | null): Hono {
  const routes = new Hono();

  routes.get('/', async (context) => json(context, await project(({ schedules }) => schedules.list())));

  routes.get('/:id', async (context) => {
    const id = idOf(context);
    const answer = await project(async (partwise): Promise<ScheduleAnswer> => {
      const [schedule, { runs }] = await Promise.all([
        partwise.schedules.describe(id),
        partwise.list({ schedule: id, limit: MAX_FIRINGS }),
      ]);
      return { schedule, firings: firingsOf(schedule.recent, runs, MAX_FIRINGS) };
    });
    return json(context, answer);
  });

  if (change === null) return routes;

  routes.post('/:id/pause', async (context) => {
    const { note } = await body(context, NOTE);
    await change(context, ({ schedules }) => schedules.pause(idOf(context), signed(context, note)));
    return json(context, DONE);
  });

  routes.post('/:id/unpause', async (context) => {
    const { note } = await body(context, NOTE);
    await change(context, ({ schedules }) => schedules.unpause(idOf(context), signed(context, note)));
    return json(context, DONE);
  });

  routes.post('/:id/trigger', async (context) => {
    await body(context, NOTHING);
    return json(context, await change(context, ({ schedules }) => schedules.trigger(idOf(context))));
  });

  routes.post('/:id/backfill/preview', async (context) => {
    const range = await body(context, RANGE);
    return json(context, await project(({ schedules }) => schedules.previewBackfill(idOf(context), range)));
  });

  routes.post('/:id/backfill', async (context) => {
    const range = await body(context, RANGE);
    return json(context, await change(context, ({ schedules }) => schedules.backfill(idOf(context), range)));
  });

  routes.post('/:id/delete', async (context) => {
    await body(context, NOTHING);
    await change(context, ({ schedules }) => schedules.delete(idOf(context)));
    return json(context, DONE);
  });

  return routes;
}

/** Temporal records a note, but not whose it is. Without one, the library's own says it. */
function signed(context: Context, note: string | undefined): string | undefined {
  const user = userOf(context);
  return note && user !== null ? `${note} (${user})` : note || undefined;
}

function idOf(context: Context): string {
  return context.req.param('id')!;
}

const NOTHING = z.strictObject({});
const NOTE = z.strictObject({ note: z.string().max(MAX_NOTE).optional() });
const RANGE = z.strictObject({ from: z.string(), to: z.string() });
