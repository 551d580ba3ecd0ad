/** Runs: the list, one run, its cells, units and table, its stream, and the run as a file. */
import { Hono, type Context } from 'hono';
import { stream, streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { RUN_STATUSES, type RunPage, type RunStatus } from '../..';
import { BadRequest, binary, bytesOf, errorAnswer, json, jsonBytes } from '../answers';
import type { Backend } from '../backend';
import { copyColumns } from '../columns-copy';
import { exportRead } from '../export/export-run';
import { RunsInProgress } from '../runs-in-progress';
import { tableFile } from '../table-file';
import { answerMatrix } from '../table/matrix';
import {
  answerFigures,
  answerPosition,
  answerTable,
  selection,
  selectSorted,
  type SortedPartitions,
} from '../table/table-answers';
import type { WatchedRead, WatchedRun } from '../watched-run';
import type { WatchedRuns } from '../watched-runs';
import { PLANES, type Plane } from '../wire/cells';
import type {
  EarlierCauses,
  Figures,
  PartitionFilter,
  SourceAnswer,
  TableAnswer,
  TableQuery,
} from '../wire/types';
import { body } from './body';
import { FILTER } from './filter';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_ID = 4_096;
/** A page that hears nothing for longer than two of these shows that it is not connected. */
const HEARTBEAT_MS = 2_000;
/** A stream sends at most one state in this time. */
const SHORTEST_PAUSE_MS = 250;

export function runRoutes(backend: Backend, watched: WatchedRuns, version: string): Hono {
  const routes = new Hono();
  const inProgress = new RunsInProgress(backend);

  routes.get('/', async (context) => {
    const { after, function: name, schedule, text, archived, counted } = context.req.query();
    const status = context.req.query('status');
    if (status !== undefined && !(RUN_STATUSES as readonly string[]).includes(status))
      throw new BadRequest(`"${status}" is not a status of runs: ${RUN_STATUSES.join(', ')}.`);
    const page = await backend.read((reader) =>
      reader.list({
        limit: Math.min(numberOf(context, 'limit', DEFAULT_LIMIT), MAX_LIMIT),
        after,
        function: name,
        schedule,
        text,
        status: status as RunStatus | undefined,
        startedFrom: timeOf(context, 'from'),
        startedBefore: timeOf(context, 'before'),
        archived: archived === 'true',
      }),
    );
    if (counted !== 'true') return json(context, page);
    return json(context, { ...page, runs: await inProgress.counted(page.runs) } satisfies RunPage);
  });

  routes.get('/:run', async (context) => jsonBytes(context, Buffer.from(await runOf(context).now())));
  routes.get('/:run/executions', async (context) => {
    const { executions } = await backend.read((reader) => reader.getRun(context.req.param('run')).status());
    return json(context, executions);
  });
  routes.get('/:run/units', async (context) => {
    const run = runOf(context);
    const moment = await run.begun();
    return jsonBytes(context, await run.answers.get(moment, 'units', () => bytesOf(moment.units)));
  });
  routes.get('/:run/cells', async (context) => {
    const cells = await runOf(context).cells(planesOf(context), numberOf(context, 'since', 0));
    return binary(context, cells);
  });
  routes.get('/:run/matrix', async (context) => {
    const read = await runOf(context).table();
    return json(context, await answerMatrix(read, read.snapshot, read.snapshot.state));
  });
  routes.get('/:run/source', async (context) => {
    const { digest, file } = context.req.query();
    if (digest === undefined || file === undefined)
      throw new BadRequest('Give "digest", "file" and "line": where a function threw.');
    const line = numberOf(context, 'line', 0);
    const excerpt = (await backend.excerpt?.(digest, { file, line })) ?? null;
    return json(context, { excerpt } satisfies SourceAnswer);
  });

  routes.get('/:run/earlier-causes', async (context) => {
    const run = runOf(context);
    const { executions } = (await run.begun()).snapshot.state;
    const last = executions.at(-1);
    const before = executions.at(-2);
    // After an overwrite, it is another table that failed.
    const isContinued = before !== undefined && before.generation === last?.generation;
    const failures = isContinued ? await (await run.handle()).execution(before.workflowRunId).failures() : [];
    return json(context, failures.map(({ type, pattern }) => ({ type, pattern })) satisfies EarlierCauses);
  });

  routes.post('/:run/table', async (context) => {
    const query = await body(context, TABLE_QUERY);
    const run = runOf(context);
    const answer = await run.ask(async (read): Promise<TableAnswer> => {
      const rows = await sortedRows(run, read, query);
      return { version: read.version, ...(await answerTable(read, read.snapshot, rows, query)) };
    });
    return json(context, answer);
  });

  routes.post('/:run/position', async (context) => {
    const { to, ...query } = await body(context, POSITION);
    const run = runOf(context);
    const answer = await run.ask(async (read) => {
      const { ordinals } = await sortedRows(run, read, query);
      return answerPosition(read, read.snapshot, ordinals, to);
    });
    return json(context, answer);
  });

  routes.post('/:run/download', async (context) => {
    const { format, ...query } = await body(context, DOWNLOAD);
    const run = runOf(context);
    const { table, ordinals } = await run.ask(async (read) => {
      const { ordinals } = await sortedRows(run, read, query);
      return { table: asItIs(read), ordinals };
    });
    context.header('content-type', format === 'csv' ? 'text/csv' : 'application/json');
    return stream(context, async (out) => {
      for await (const part of tableFile(table, ordinals, format)) {
        if (out.aborted) return;
        await out.write(part);
      }
    });
  });

  routes.post('/:run/figures', async (context) => {
    const { filter } = await body(context, z.strictObject({ filter: FILTER }));
    const run = runOf(context);
    const figures = await run.ask((read) =>
      run.answers.getRecent(read, `figures ${JSON.stringify(filter)}`, async () =>
        bytesOf({
          version: read.version,
          ...(await answerFigures(read, read.snapshot, await selected(run, read, filter))),
        } satisfies Figures),
      ),
    );
    return jsonBytes(context, figures);
  });

  routes.get('/:run/export', async (context) => {
    const redact = context.req.query('redact') === '1';
    const run = runOf(context);
    const { html } = await exportRead(await run.table(), await run.handle(), { version, redact });
    return context.body(html, 200, { 'content-type': 'text/html; charset=utf-8' });
  });

  routes.get('/:run/stream', (context) => {
    const run = runOf(context);
    // A proxy that collects answers before it passes them on would hold back every event.
    context.header('x-accel-buffering', 'no');
    return streamSSE(context, async (stream) => {
      const gone = new AbortController();
      stream.onAbort(() => gone.abort());
      const heartbeat = setInterval(() => void stream.writeSSE({ event: 'alive', data: '' }), HEARTBEAT_MS);
      while (!gone.signal.aborted) {
        // Before it is read, so that no change is missed.
        const changed = run.changed(gone.signal);
        try {
          await stream.writeSSE({ event: 'run', data: await run.now() });
        } catch (error) {
          const answer = errorAnswer(context, error);
          await stream.writeSSE({ event: 'lost', data: await answer.text() });
        }
        await Promise.all([changed, stream.sleep(SHORTEST_PAUSE_MS)]);
      }
      clearInterval(heartbeat);
    });
  });

  function runOf(context: Context): WatchedRun {
    return watched.get(context.req.param('run')!, context.req.query('execution') ?? null);
  }

  return routes;
}

/** The columns of a run in progress change while a file of them is written. */
function asItIs(read: WatchedRead): WatchedRead {
  return read.snapshot.state.endedAt === null ? { ...read, columns: copyColumns(read.columns) } : read;
}

/** Ordinals of the partitions that the filter selects, ascending: the same for the table and the figures. */
function selected(run: WatchedRun, read: WatchedRead, filter: PartitionFilter): Promise<Int32Array> {
  return run.answers.get(read, `selected ${JSON.stringify(filter)}`, () =>
    selection(read, read.snapshot, filter),
  );
}

/** The rows of the table: a page, a position or a file of a sorted table does not sort it again. */
function sortedRows(
  run: WatchedRun,
  read: WatchedRead,
  { filter, sort }: Pick<TableQuery, 'filter' | 'sort'>,
): Promise<SortedPartitions> {
  return run.answers.get(read, `sorted ${JSON.stringify([filter, sort])}`, () =>
    selectSorted(read, { filter, sort }, (other) => selected(run, read, other)),
  );
}

const SORT = z.strictObject({
  column: z.enum(['key', 'took', 'rows', 'returned', 'attempts', 'started', 'status', 'execution', 'group']),
  descending: z.boolean(),
});

const TABLE_QUERY = z.strictObject({
  filter: FILTER,
  sort: SORT,
  offset: z.int().min(0),
  limit: z.int().min(1).max(MAX_LIMIT),
});

const POSITION = z.strictObject({
  filter: FILTER,
  sort: SORT,
  to: z.discriminatedUnion('by', [
    z.strictObject({ by: z.literal('id'), id: z.string().max(MAX_ID) }),
    z.strictObject({ by: z.literal('failure'), from: z.int().min(-1), step: z.literal([1, -1]) }),
  ]),
});

const DOWNLOAD = z.strictObject({ filter: FILTER, sort: SORT, format: z.enum(['csv', 'json']) });

function planesOf(context: Context): Plane[] {
  const wanted = context.req.query('planes')?.split(',') ?? [...PLANES];
  const unknown = wanted.find((plane) => !(PLANES as readonly string[]).includes(plane));
  if (unknown !== undefined) throw new BadRequest(`"${unknown}" is not a plane: ${PLANES.join(', ')}.`);
  return wanted as Plane[];
}

function numberOf(context: Context, name: string, otherwise: number): number {
  const text = context.req.query(name);
  if (text === undefined) return otherwise;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new BadRequest(`"${name}" is "${text}"; it takes a whole number, 0 or more.`);
}

function timeOf(context: Context, name: string): Date | undefined {
  const text = context.req.query(name);
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new BadRequest(`"${name}" is "${text}"; it takes a time, such as "2026-11-01T06:00:00Z".`);
}
