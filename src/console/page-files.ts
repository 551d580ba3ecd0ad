/** The page's files, which the build puts next to this module. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Hono } from 'hono';
import { binary, compressed } from './answers';

const FILES = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
} as const;

/** Files are compressed once, before anybody waits for them. */
const LEVEL = 9;

/** Every other path without a dot in its last part is an address within the page. */
export function pageRoutes(basePath: string): Hono {
  const routes = new Hono();
  const index = readPageFile('index.html').toString().replaceAll('"/assets/', `"${basePath}assets/`);
  for (const name of ['app.js', 'app.css'] as const) {
    const bytes = readPageFile(name);
    compressed(bytes, LEVEL);
    routes.get(`/assets/${name}`, (context) => binary(context, bytes, FILES[name]));
  }
  routes.get('/*', (context) => context.body(index, 200, { 'content-type': FILES['index.html'] }));
  return routes;
}

export function readPageFile(name: keyof typeof FILES): Buffer<ArrayBuffer> {
  return readFileSync(join(__dirname, 'page', name));
}
