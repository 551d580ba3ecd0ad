/** One partition: what is known about it, the rows it returned, its artifacts and logs. */
import { Hono, type Context } from 'hono';
import type { PartitionHandle, Row } from '../..';
import { showJson } from '../../core/json';
import { BadRequest, binary, json } from '../answers';
import type { Backend } from '../backend';
import type { ReturnedRows } from '../wire/types';

/** Rows of a partition that are shown. */
const MAX_ROWS = 200;

/**
 * What a partition uploaded may be hostile: it is never a document of this origin, whatever its name or
 * content says.
 */
const ARTIFACT_HEADERS = {
  'content-security-policy': "sandbox; default-src 'none'",
  'content-disposition': 'attachment',
};

export function partitionRoutes(backend: Backend): Hono {
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
      const bytes = await partition.artifacts.get(name, { read: (content) => content });
      return binary(context, bytes, 'application/octet-stream', ARTIFACT_HEADERS);
    }),
  );

  routes.get(`${route}/logs`, (context) =>
    withPartition(context, async (partition) => json(context, await partition.logs())),
  );

  function withPartition(
    context: Context,
    use: (partition: PartitionHandle) => Promise<Response>,
  ): Promise<Response> {
    return backend.read((reader) => {
      const run = reader.getRun(context.req.param('run')!);
      const execution = context.req.query('execution');
      const handle = execution === undefined ? run : run.execution(execution);
      return use(handle.partition(context.req.param('partition')!));
    });
  }

  return routes;
}

function returnedRows(all: readonly Row[]): ReturnedRows {
  const rows = all.slice(0, MAX_ROWS);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const isNumber = (name: string): boolean =>
    rows.some((row) => typeof row[name] === 'number' || typeof row[name] === 'bigint');
  return {
    total: all.length,
    columns: columns.map((name) => ({ name, isNumber: isNumber(name) })),
    rows: rows.map((row) => columns.map((name) => cellText(row[name]))),
  };
}

/** As text, because a browser would round what a double cannot hold. */
function cellText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : showJson(value, 0).replace(/^"(.*)"$/, '$1');
}
