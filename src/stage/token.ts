import { randomUUID } from 'node:crypto';
import { ObjectExists, ObjectMissing, type Stage } from './stage';

/**
 * Tells stages apart: a worker that reads another text in it, or none, sees another stage than the planner
 * did. Never listed.
 */
export const TOKEN_FILE = '.partwise-stage';

/** `Stage.token`, for stages that are told apart by an object of that name. */
export async function readToken(stage: Stage, { create }: { create: boolean }): Promise<string | null> {
  try {
    return Buffer.from(await stage.get(TOKEN_FILE))
      .toString('utf8')
      .trim();
  } catch (error) {
    if (!(error instanceof ObjectMissing)) throw error;
    if (!create) return null;
  }
  try {
    await stage.put(TOKEN_FILE, Buffer.from(`${randomUUID()}\n`));
  } catch (error) {
    // Two planners at once: the first token stands.
    if (!(error instanceof ObjectExists)) throw error;
  }
  return readToken(stage, { create: false });
}
