/** The page's files, which the build puts next to this module. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono, type Context } from 'hono';

const FILES = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
} as const;

/** Every other path without a dot in its last part is an address within the page. */
export function pageRoutes(basePath: string): Hono {
  const routes = new Hono();
  const index = readPageFile('index.html').toString().replaceAll('"/assets/', `"${basePath}assets/`);
  routes.get('/assets/:file{app\\.(js|css)}', (context) =>
    send(context, context.req.param('file') as keyof typeof FILES),
  );
  routes.get('/*', (context) => context.body(index, 200, { 'content-type': FILES['index.html'] }));
  return routes;
}

export function readPageFile(name: keyof typeof FILES): Buffer<ArrayBuffer> {
  return readFileSync(join(__dirname, 'page', name));
}

function send(context: Context, name: keyof typeof FILES): Response {
  return context.body(readPageFile(name), 200, { 'content-type': FILES[name] });
}
