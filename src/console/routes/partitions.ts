/** One partition: what is known about it, the rows it returned, its artifacts and logs. */
import { Hono, type Context } from 'hono';
import { z } from 'zod';
import type { LogPageOptions, PartitionHandle } from '../..';
import { BadRequest, json } from '../answers';
import { artifactPreview, returnedRows } from '../partition-contents';
import type { WatchedRuns } from '../watched-runs';
import { body } from './body';
import { sentFile } from './sent-file';

const MAX_TEXT = 4_096;

const PREVIEW = z.strictObject({ name: z.string().max(MAX_TEXT) });

/** The library checks the values. */
const LOG_PAGE: z.ZodType<LogPageOptions> = z.strictObject({
  after: z.number().optional(),
  before: z.number().optional(),
  limit: z.number().optional(),
  stream: z.enum(['stdout', 'stderr']).optional(),
  attempt: z.number().optional(),
  execution: z.number().optional(),
  search: z.string().max(MAX_TEXT).optional(),
});

/**
 * What a partition uploaded may be hostile: it is never a document of this origin, whatever its name or
 * content says.
 */
const ARTIFACT_HEADERS = {
  'content-security-policy': "sandbox; default-src 'none'",
  'content-disposition': 'attachment',
};

export function partitionRoutes(watched: WatchedRuns): Hono {
  const routes = new Hono();
  const route = '/:run/partitions/:partition';

  routes.get(route, (context) =>
    withPartition(context, async (partition) => json(context, await partition.describe())),
  );

  routes.get(`${route}/rows`, (context) =>
    withPartition(context, async (partition) => {
      return json(context, returnedRows(await partition.result()));
    }),
  );

  routes.get(`${route}/artifact`, (context) =>
    withPartition(context, async (partition) => {
      const name = context.req.query('name');
      if (name === undefined) throw new BadRequest('"name" is missing: it is the name of the artifact.');
      return sentFile(context, (folder) => partition.artifacts.download(name, folder), ARTIFACT_HEADERS);
    }),
  );

  routes.post(`${route}/preview`, async (context) => {
    const { name } = await body(context, PREVIEW);
    return withPartition(context, async ({ artifacts }) =>
      json(context, await artifactPreview(artifacts, name)),
    );
  });

  routes.post(`${route}/logs`, async (context) => {
    const options = await body(context, LOG_PAGE);
    return withPartition(context, async (partition) => json(context, await partition.logPage(options)));
  });

  /** The handle of the watched run keeps what it has read of history and logs. */
  async function withPartition(
    context: Context,
    use: (partition: PartitionHandle) => Promise<Response>,
  ): Promise<Response> {
    const run = watched.get(context.req.param('run')!, context.req.query('execution') ?? null);
    return use((await run.handle()).partition(context.req.param('partition')!));
  }

  return routes;
}
