/**
 * What changes a run: each action is one call of the library, whose answer or refusal is passed on. Without a
 * way to change anything, these routes do not exist.
 */
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import {
  ordinalRanges,
  type RetryInput,
  type RunHandle,
  type SelectedPartitions,
  type SkippedOrdinals,
} from '../..';
import { BadRequest, json } from '../answers';
import type { Changing } from '../backend';
import { selection } from '../table/table-answers';
import type { WatchedRuns } from '../watched-runs';
import type { PartitionFilter, RetryRequest, SelectionPreviewed, SettingsRequest } from '../wire/types';
import { body } from './body';
import { FILTER } from './filter';

const MAX_TEXT = 4_096;
/** As many characters as a retry takes. */
const MAX_ORDINALS = 65_536;

export function actionRoutes(change: Changing, watched: WatchedRuns): Hono {
  const routes = new Hono();

  routes.post('/:run/actions/preview-retry', async (context) => {
    const changes = await changesOf(context, await body(context, RETRY));
    return previewed(context, (run) => run.previewRetry(changes));
  });

  routes.post('/:run/actions/retry', async (context) => {
    const changes = await changesOf(context, await body(context, RETRY));
    const execution = await onRun(context, async (run) => (await run.retry(changes)).workflowRunId);
    watched.retried(context.req.param('run'));
    return json(context, execution);
  });

  routes.post('/:run/actions/pause', (context) => act(context, (run) => run.pause()));
  routes.post('/:run/actions/unpause', (context) => act(context, (run) => run.unpause()));
  routes.post('/:run/actions/cancel', (context) => act(context, (run) => run.cancel()));
  routes.post('/:run/actions/archive', async (context) =>
    json(context, await onRun(context, (run) => run.archive())),
  );
  routes.post('/:run/actions/set', async (context) => {
    const settings = await body(context, SETTINGS);
    // The library checks the values.
    return act(context, (run) => run.set(settings as Parameters<RunHandle['set']>[0]));
  });
  routes.post('/:run/actions/skip', async (context) => {
    const selection = await byNumber(context, (await body(context, SKIP)).filter);
    return act(context, (run) => run.skip(selection));
  });
  routes.post('/:run/actions/preview-skip', async (context) => {
    const selection = await byNumber(context, (await body(context, SKIP)).filter);
    return previewed(context, (run) => run.previewSkip(selection));
  });

  function onRun<T>(context: Context, work: (run: RunHandle) => Promise<T>): Promise<T> {
    return change(context, (partwise) => work(partwise.getRun(context.req.param('run')!)));
  }

  async function act(context: Context, work: (run: RunHandle) => Promise<void>): Promise<Response> {
    await onRun(context, work);
    return json(context, null);
  }

  async function previewed(
    context: Context,
    preview: (run: RunHandle) => Promise<SelectedPartitions>,
  ): Promise<Response> {
    const { partitions, ordinals } = await onRun(context, preview);
    const answer: SelectionPreviewed = { partitions, ordinals: ordinalRanges(ordinals.subarray(0, SHOWN)) };
    return json(context, answer);
  }

  async function changesOf(context: Context, { which, options }: RetryRequest): Promise<RetryInput> {
    const settings = options === undefined ? {} : { options: options as RetryInput['options'] };
    if (which.by === 'all') return settings;
    if (which.by === 'cause') return { ...settings, failedWith: which.failedWith };
    if (which.by === 'id') return { ...settings, only: [which.id] };
    if (which.by === 'ordinals')
      return { ...settings, ordinals: which.ordinals, generation: which.generation };
    return { ...settings, ...(await byNumber(context, which.filter)) };
  }

  /** The ordinals that a filter selects now, which mean other partitions after an overwrite. */
  async function byNumber(context: Context, filter: PartitionFilter): Promise<SkippedOrdinals> {
    const { snapshot, ...table } = await watched.get(context.req.param('run')!, null).table();
    const ordinals = await selection(table, snapshot, filter);
    if (ordinals.length === 0) throw new BadRequest('The filter selects no partitions any more.');
    return {
      ordinals: ordinalRanges(ordinals),
      generation: snapshot.state.executions.at(-1)?.generation ?? undefined,
    };
  }

  return routes;
}

/** Ordinals in a preview: enough to see which, not a million of them. */
const SHOWN = 1_000;

const SETTING_FIELDS = {
  maxConcurrency: z.number().optional(),
  toleratedFailures: z.union([z.number(), z.string().max(MAX_TEXT)]).optional(),
};

const SETTINGS: z.ZodType<SettingsRequest> = z.strictObject(SETTING_FIELDS);

const RETRY: z.ZodType<RetryRequest> = z.strictObject({
  which: z.discriminatedUnion('by', [
    z.strictObject({ by: z.literal('all') }),
    z.strictObject({ by: z.literal('cause'), failedWith: z.string().max(MAX_TEXT) }),
    z.strictObject({ by: z.literal('id'), id: z.string().max(MAX_TEXT) }),
    z.strictObject({ by: z.literal('filter'), filter: FILTER }),
    z.strictObject({
      by: z.literal('ordinals'),
      ordinals: z.string().max(MAX_ORDINALS),
      generation: z.int(),
    }),
  ]),
  options: z.strictObject({ ...SETTING_FIELDS, timeout: z.string().max(MAX_TEXT).optional() }).optional(),
});

const SKIP = z.strictObject({ filter: FILTER });
