/** The page's access to the console: the token that the terminal printed, and requests that carry it. */
import type { ErrorAnswer } from '../wire/types';

const STORED = 'partwise-token';

/** Takes the token out of the address, which then can be shown and bookmarked. */
export function takeToken(): void {
  const match = /^#token=([\w-]+)$/.exec(location.hash);
  if (match === null) return;
  localStorage.setItem(STORED, match[1]!);
  history.replaceState(null, '', location.pathname + location.search);
}

/** An answer that is not what was asked for. The message is the library's own sentence. */
export class Refused extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

/** Throws `Refused`, and `TypeError` if the console does not answer. */
export async function request(
  path: string,
  { body, signal }: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Response> {
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
}

export async function ask<T>(
  path: string,
  options: { body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  return (await (await request(path, options)).json()) as T;
}

export interface ServerEvent {
  event: string;
  data: string;
}

/** Events of a stream until it ends or the signal is aborted. */
export async function* events(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const { body } = await request(path, { signal });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const field = (name: string): string =>
        block
          .split('\n')
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2))
          .join('\n');
      yield { event: field('event'), data: field('data') };
    }
  }
}
