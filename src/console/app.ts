/** The console's HTTP interface: the page, and an API that only this page can use. */
import { Hono, type HonoRequest } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Proxy } from './access';
import { errorAnswer, json } from './answers';
import type { Backend } from './backend';
import { onlyHosts, onlyOwnPage, onlyWithToken, refuse } from './gate';
import { atMost, within } from './limits';
import { asUser, onlyThroughProxy, userOf } from './user';
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
  'matrix',
  'table',
  'position',
  'figures',
  'earlier-causes',
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
  return /\/(table|position|figures|results|columns|logs|preview)$/.test(path);
}

export interface Guard {
  /** Whom it lets in: whoever has the token, or the users of a proxy. Never both. */
  admits: { token: string } | Proxy;
  /** Names of the console, as browsers send them in `Host`: with the port, if it is not the usual one. */
  hosts: readonly string[];
  /** Where its page may be loaded from. */
  origins: readonly string[];
  /** Begins and ends with a slash; there is nothing outside of it. */
  basePath: string;
}

export function consoleApp(backend: Backend, watched: WatchedRuns, version: string, guard: Guard): Hono {
  const { admits, hosts, origins, basePath } = guard;
  const all = new Hono();
  all.use(onlyHosts(new Set(hosts)));
  if ('header' in admits) all.use(onlyThroughProxy(admits));
  const app = all.basePath(basePath);
  // The page itself is the same for everyone.
  if ('token' in admits) app.use('/api/*', onlyWithToken(admits.token));
  app.use('/api/*', onlyOwnPage(new Set(origins)));
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
      user: userOf(context),
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
  const change = backend.change === null ? null : asUser(backend.change);
  if (change !== null) app.route('/api/v1/runs', actionRoutes(change, watched));
  if (backend.project !== null) app.route('/api/v1', projectRoutes(backend.project, change));
  app.all('/api/*', (context) => refuse(context, 404, 'NoSuchRoute', 'The console has no such route.'));
  app.route('/', pageRoutes(basePath));
  all.notFound((context) => refuse(context, 404, 'NoSuchRoute', 'The console has no such route.'));
  all.onError((error, context) => errorAnswer(context, error));
  return all;
}
