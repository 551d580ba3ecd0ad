/**
 * Which requests are accepted. A page on loopback can be reached from every web site that the user visits,
 * so the address alone protects nothing: see docs/console.md.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, MiddlewareHandler, Next } from 'hono';
import type { ErrorAnswer } from './wire/types';

/** What the page may load. Everything comes from its own origin, and nothing is written inline. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': PAGE_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * Sets the headers of every answer, before any route sees the request: errors and files have them too. A
 * route may replace one by its own.
 */
export function secureHeaders(_request: IncomingMessage, response: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
}

/**
 * Refuses requests under any other name than the console's own: a site can let its name point to 127.0.0.1
 * (DNS rebinding), but its browser then sends that name.
 */
export function onlyHosts(hosts: ReadonlySet<string>): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    const host = context.req.header('host')?.toLowerCase() ?? '';
    if (hosts.has(host)) return next();
    return refuse(context, 403, 'WrongHost', `The console does not answer under the name "${host}".`);
  };
}

/** Refuses requests without the token that the terminal printed. */
export function onlyWithToken(token: string): MiddlewareHandler {
  const wanted = Buffer.from(`Bearer ${token}`);
  return async (context: Context, next: Next) => {
    const given = Buffer.from(context.req.header('authorization') ?? '');
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) return next();
    return refuse(
      context,
      401,
      'NoToken',
      'This page has no valid token. Open the console with the address that partwise console printed.',
    );
  };
}

/**
 * Only the console's own page may ask: for reads too, where the browser says which page asks, since a proxy
 * may let every page in that the user visits. What does anything but read must say where it comes from, and
 * be JSON, which no form of another page can send.
 */
export function onlyOwnPage(origins: ReadonlySet<string>): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    const isRead = context.req.method === 'GET' || context.req.method === 'HEAD';
    const origin = context.req.header('origin') ?? '';
    const site = context.req.header('sec-fetch-site');
    const type = context.req.header('content-type') ?? '';
    if ((!isRead && !origins.has(origin)) || (site !== undefined && site !== 'same-origin'))
      return refuse(context, 403, 'WrongOrigin', 'Only the console’s own page may ask for this.');
    if (isRead) return next();
    if (type.split(';')[0]!.trim().toLowerCase() !== 'application/json')
      return refuse(context, 415, 'NotJson', `The content type is "${type}"; it must be application/json.`);
    return next();
  };
}

export function refuse(
  context: Context,
  status: 400 | 401 | 403 | 404 | 413 | 415 | 503,
  type: string,
  message: string,
) {
  return context.json({ error: { type, message } } satisfies ErrorAnswer, status);
}
