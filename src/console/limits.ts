/** Limits of what pages may ask of the console at once. */
import type { Context, HonoRequest, MiddlewareHandler, Next } from 'hono';
import { refuse } from './gate';

/** At most `count` requests at a time; the others wait for their turn, unless their page leaves. */
export function atMost(count: number): MiddlewareHandler {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (context: Context, next: Next) => {
    if (running < count) running++;
    // A request that ends passes its place to the next one.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return context.req.raw.signal.aborted ? context.body(null) : await next();
    } finally {
      const following = waiting.shift();
      if (following === undefined) running--;
      else following();
    }
  };
}

/**
 * Answers that it took too long if a route has not answered after `ms`, for requests to which the limit
 * applies. A stream answers at once.
 */
export function within(ms: number, applies: (request: HonoRequest) => boolean): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    if (!applies(context.req)) return next();
    let timer: NodeJS.Timeout | undefined;
    const isLate = await Promise.race([
      next().then(() => false),
      new Promise<true>((resolve) => {
        timer = setTimeout(() => resolve(true), ms).unref();
      }),
    ]);
    clearTimeout(timer);
    if (!isLate) return undefined;
    return refuse(context, 503, 'TooSlow', `The console had no answer within ${ms / 1_000} s.`);
  };
}
