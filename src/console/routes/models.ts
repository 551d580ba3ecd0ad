/** Models, their versions and aliases, and what can be done with them. */
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import type { ModelEntry, ModelRegistry, RegisteredModel } from '../..';
import { BadRequest, json } from '../answers';
import type { Changing, Connected } from '../backend';
import { comparisonAnswer } from '../comparison';
import type { ModelAnswer, VersionAnswer } from '../wire/models';
import { body } from './body';

/** Entries of a page. */
const MAX_ENTRIES = 100;
/** So many entries are looked through for the names of metrics: a model may lack one. */
const MAX_SAMPLED = 1_000;
const MAX_TEXT = 1_000;
const DONE = { done: true };

export function modelRoutes(project: Connected, change: Changing | null): Hono {
  const routes = new Hono();

  routes.get('/', async (context) => json(context, await withRegistry((registry) => registry.models())));

  routes.get('/:name', async (context) => json(context, await withModel(context, modelAnswer)));

  routes.get('/:name/versions/:version', async (context) => {
    const number = versionOf(context.req.param('version'), 'version');
    const { after, partition } = context.req.query();
    return json(
      context,
      await withModel(context, (model) => versionAnswer(model, number, { after, partition })),
    );
  });

  routes.get('/:name/compare', async (context) => {
    const { a, b, metric = '' } = context.req.query();
    const higherIsBetter = context.req.query('higher') === 'true';
    const [first, second] = [versionOf(a, 'a'), versionOf(b, 'b')];
    const comparison = await withModel(context, (model) =>
      model.compare(first, second, { metric, higherIsBetter }),
    );
    return json(context, comparisonAnswer(comparison, higherIsBetter));
  });

  if (change === null) return routes;

  routes.post('/:name/promote/preview', async (context) => {
    const { version, alias, ...options } = await body(context, PROMOTION);
    return json(
      context,
      await withModel(context, (model) => model.previewPromotion(version, alias, options)),
    );
  });

  routes.post('/:name/promote', async (context) => {
    const { version, alias, ...options } = await body(context, PROMOTION);
    return json(context, await changing(context, (model) => model.promote(version, alias, options)));
  });

  routes.post('/:name/rollback', async (context) => {
    const { alias } = await body(context, z.strictObject({ alias: TEXT }));
    return json(context, await changing(context, (model) => model.rollback(alias)));
  });

  routes.post('/:name/versions/:version/tag', async (context) => {
    const number = versionOf(context.req.param('version'), 'version');
    const changes = await body(context, TAGS);
    await changing(context, (model) => model.version(number).tag(changes));
    return json(context, DONE);
  });

  routes.post('/:name/versions/:version/delete', async (context) => {
    const number = versionOf(context.req.param('version'), 'version');
    await body(context, z.strictObject({}));
    await changing(context, (model) => model.version(number).delete());
    return json(context, DONE);
  });

  function withRegistry<T>(work: (registry: ModelRegistry) => Promise<T>): Promise<T> {
    return project(async (partwise) => work(await partwise.registry()));
  }

  function withModel<T>(context: Context, work: (model: RegisteredModel) => Promise<T>): Promise<T> {
    return withRegistry((registry) => work(registry.model(context.req.param('name')!)));
  }

  function changing<T>(context: Context, work: (model: RegisteredModel) => Promise<T>): Promise<T> {
    return change!(context, async (partwise) =>
      work((await partwise.registry()).model(context.req.param('name')!)),
    );
  }

  return routes;
}

async function modelAnswer(registered: RegisteredModel): Promise<ModelAnswer> {
  const [model, versions] = await Promise.all([registered.describe(), registered.versions()]);
  const history = await Promise.all(
    Object.keys(model.aliases).map(async (alias) => ({ alias, steps: await registered.history(alias) })),
  );
  return { model, versions, history, metrics: await metricsOf(registered) };
}

async function metricsOf(registered: RegisteredModel): Promise<string[]> {
  const names = new Set<string>();
  let left = MAX_SAMPLED;
  for await (const { metrics } of registered.version('latest').entries()) {
    for (const name of Object.keys(metrics)) names.add(name);
    if (--left === 0) break;
  }
  return [...names];
}

async function versionAnswer(
  registered: RegisteredModel,
  number: number,
  { after, partition }: { after?: string; partition?: string },
): Promise<VersionAnswer> {
  const found = registered.version(number);
  const version = await found.describe();
  if (partition !== undefined) {
    const entry = await found.entry(partition);
    return { version, entries: entry === null ? [] : [entry], next: null };
  }
  const entries: ModelEntry[] = [];
  for await (const entry of found.entries({ after })) {
    if (entries.length === MAX_ENTRIES) return { version, entries, next: entries.at(-1)!.partition };
    entries.push(entry);
  }
  return { version, entries, next: null };
}

/** A version in an address is a number: what an alias points at may change between two requests. */
function versionOf(text: string | undefined, name: string): number {
  if (text !== undefined && /^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new BadRequest(`"${name}" is "${text ?? ''}"; it takes the number of a version, such as 1.`);
}

const TEXT = z.string().max(MAX_TEXT);

const PROMOTION = z.strictObject({
  version: z.int().min(1),
  alias: TEXT,
  whereBetter: z.strictObject({ metric: TEXT, higherIsBetter: z.boolean().optional() }).optional(),
});

const TAGS = z.strictObject({
  description: TEXT.optional(),
  tags: z.record(TEXT, TEXT.nullable()).optional(),
});
