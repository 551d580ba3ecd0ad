/** The console's HTTP interface: the page, and an API that only this page can use. */
import { Hono, type HonoRequest } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { errorAnswer, json } from './answers';
import type { Backend } from './backend';
import { onlyHosts, onlyOwnPage, onlyWithToken, refuse } from './gate';
import { atMost, within } from './limits';
import { pageRoutes } from './page-files';
import { actionRoutes } from './routes/actions';
import { compareRoutes } from './routes/compare';
import { partitionRoutes } from './routes/partitions';
import { resultRoutes } from './routes/results';
import { projectRoutes } from './routes/project';
import { runRoutes } from './routes/runs';
import type { WatchedRuns } from './watched-runs';
import type { ProjectInfo } from './wire/types';

const MAX_BODY = 128 * 1_024;
/** Requests that read all partitions of a run. */
const MAX_HEAVY = 4;
const HEAVY = [
  'cells',
  'table',
  'figures',
  'results',
  'results/columns',
  'results/file',
  'download',
  'export',
  'compare/:other',
];
const MAX_MS = 15_000;

/**
 * Reads are given up. Actions are not, because repeating one could do it twice; nor are files, which take as
 * long as in a terminal.
 */
function isLimited({ method, path }: HonoRequest): boolean {
  if (method === 'GET') return !/\/(export|results\/file|artifact|compare\/[^/]+)$/.test(path);
  return /\/(table|figures|results|columns|logs|preview)$/.test(path);
}

export interface Guard {
  token: string;
  /** Names of the console with its port, as browsers send them in `Host`. */
  hosts: readonly string[];
}

export function consoleApp(backend: Backend, watched: WatchedRuns, version: string, guard: Guard): Hono {
  const app = new Hono();
  const origins = new Set(guard.hosts.map((host) => `http://${host}`));
  app.use(onlyHosts(new Set(guard.hosts)));
  app.use('/api/*', onlyWithToken(guard.token), onlyOwnPage(origins));
  app.use(
    '/api/*',
    bodyLimit({
      maxSize: MAX_BODY,
      onError: (context) => refuse(context, 413, 'TooLarge', `A request may have ${MAX_BODY} bytes.`),
    }),
  );
  // The limit of time is outside: a request that was given up holds its place until its work ends.
  app.use('/api/*', within(MAX_MS, isLimited));
  const heavy = atMost(MAX_HEAVY);
  for (const path of HEAVY) app.use(`/api/v1/runs/:run/${path}`, heavy);
  app.get('/api/v1/project', async (context) => {
    const info: ProjectInfo = {
      name: backend.name,
      version,
      readOnly: backend.change === null,
      hasProject: backend.project !== null,
      source: await backend.source(),
    };
    return json(context, info);
  });
  app.route('/api/v1/runs', runRoutes(backend, watched, version));
  app.route('/api/v1/runs', partitionRoutes(watched));
  app.route('/api/v1/runs', resultRoutes(watched));
  app.route('/api/v1/runs', compareRoutes(watched));
  if (backend.change !== null) app.route('/api/v1/runs', actionRoutes(backend.change, watched));
  if (backend.project !== null) app.route('/api/v1', projectRoutes(backend.project, backend.change));
  app.all('/api/*', (context) => refuse(context, 404, 'NoSuchRoute', 'The console has no such route.'));
  app.route('/', pageRoutes());
  app.notFound((context) => refuse(context, 404, 'NoSuchRoute', 'The console has no such route.'));
  app.onError((error, context) => errorAnswer(context, error));
  return app;
}
