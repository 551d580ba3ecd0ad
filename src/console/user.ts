/** The user of a request, whom a proxy has authenticated and names in a header. */
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler, Next } from 'hono';
import { isIn, type Proxy } from './access';
import type { Changing, Connected } from './backend';
import { refuse } from './gate';

const USER = 'user';
const MAX_NAME = 200;

/** Refuses requests that do not come from the proxy, or that it names no user for. */
export function onlyThroughProxy({ header, trusted }: Proxy): MiddlewareHandler {
  return async (context: Context, next: Next) => {
    const { incoming } = context.env as HttpBindings;
    const peer = incoming.socket.remoteAddress ?? '';
    if (!isIn(trusted, peer))
      return refuse(
        context,
        403,
        'NotTheProxy',
        `The console answers its proxy alone, and "${peer}" is not one: open the address of the proxy. What --trust-proxy names is believed.`,
      );
    const name = userNameOf(incoming.headersDistinct[header]);
    if (name === null)
      return refuse(
        context,
        401,
        'NoUser',
        `The proxy named no user: it must send the header ${header} once, with a name of 1 to ${MAX_NAME} characters.`,
      );
    context.set(USER, name);
    return next();
  };
}

/** Null if the header is not a name. Two of them could be one of the user's own and one of the proxy. */
function userNameOf(values: readonly string[] | undefined): string | null {
  if (values?.length !== 1) return null;
  const name = decoded(values[0]!)?.trim() ?? '';
  return name === '' || name.length > MAX_NAME || INVISIBLE.test(name) ? null : name;
}

/** Control characters, and those that are not seen or reverse the direction of text. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Node reads headers byte by byte; names are UTF-8. */
function decoded(bytes: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
}

/** Null without a proxy. */
export function userOf(context: Context): string | null {
  return (context.get(USER) as string | undefined) ?? null;
}

/** Changes runs in the name of the request's user, if there is one. */
export function asUser(change: Connected): Changing {
  return (context, work) => {
    const user = userOf(context);
    return change((partwise) => work(user === null ? partwise : partwise.withIdentity(user)));
  };
}
