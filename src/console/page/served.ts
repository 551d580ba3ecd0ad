/** The console as the page's source: requests that carry the token that the terminal printed, if it did. */
import type { ErrorAnswer } from '../wire/types';
import { basePath } from './address';
import { Intercepted, Refused, type Source } from './session';

/** Consoles below different paths of one proxy have one storage. */
const STORED = `partwise-token${basePath}`;

/** Takes the token out of the address, which then can be shown and bookmarked. Whether there was one. */
export function takeToken(): boolean {
  const match = /^#token=([\w-]+)$/.exec(location.hash);
  if (match === null) return false;
  localStorage.setItem(STORED, match[1]!);
  history.replaceState(null, '', location.pathname + location.search);
  return true;
}

/** A new address that is pasted into an open page only changes what is behind its `#`. */
addEventListener('hashchange', () => {
  if (takeToken()) location.reload();
});

export const served: Source = async (path, { body, signal }) => {
  const token = localStorage.getItem(STORED);
  const response = await fetch(`${basePath}/api/v1/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      // Behind a proxy there is no token, and the header may be the proxy's own.
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    // Only a proxy does that, to have its user sign in.
    redirect: 'manual',
  });
  if (response.ok) return response;
  if (response.headers.get('content-type')?.startsWith('application/json') !== true)
    throw new Intercepted(
      `The proxy in front of the console did not pass this on${response.status === 0 ? '' : ` (status ${response.status})`}. Reload the page, and sign in again if it asks for that.`,
    );
  const { error } = (await response.json()) as ErrorAnswer;
  throw new Refused(error.type, error.message);
};
