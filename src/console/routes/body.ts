import type { Context } from 'hono';
import type { z } from 'zod';
import { BadRequest } from '../answers';

/** The request's body. Throws `BadRequest` with every problem. */
export async function body<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  let value: unknown;
  try {
    value = await context.req.json();
  } catch {
    throw new BadRequest('The body is not JSON.');
  }
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new BadRequest(error.issues.map(({ path, message }) => `"${path.join('.')}": ${message}.`).join(' '));
}
