/** The console as the page's source: requests that carry the token that the terminal printed. */
import type { ErrorAnswer } from '../wire/types';
import { Refused, type Source } from './session';

const STORED = 'partwise-token';

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
  const response = await fetch(`/api/v1/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${localStorage.getItem(STORED) ?? ''}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  if (response.ok) return response;
  const { error } = (await response.json()) as ErrorAnswer;
  throw new Refused(error.type, error.message);
};
