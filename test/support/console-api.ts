/** The console's API, asked as its page does. Also used outside Jest. */

export interface ConsoleAnswer<T> {
  status: number;
  value: T;
  /** Its error's message. */
  refusal: string | undefined;
  /** Its error's class. */
  errorType: string | undefined;
}

/** Asks its API as the page does: a POST if there is a body. */
export async function askConsole<T>(
  { origin, token }: { origin: string; token: string },
  path: string,
  body?: unknown,
): Promise<ConsoleAnswer<T>> {
  const response = await fetch(`${origin}/api/v1/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { origin, 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const value = (await response.json()) as T & { error?: { type: string; message: string } };
  return {
    status: response.status,
    value,
    refusal: value?.error?.message,
    errorType: value?.error?.type,
  };
}
