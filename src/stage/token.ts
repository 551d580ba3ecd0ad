import { randomUUID } from 'node:crypto';
import { ObjectExists, ObjectMissing, type Stage } from './stage';

/**
 * Identifies a stage: a worker that reads a different token, or none, has a different stage from the planner.
 * Never listed.
 */
export const TOKEN_FILE = '.partwise-stage';

/**
 * Implements `Stage.exists` where folders are only parts of names. A stage that was written to has a token,
 * unless it was copied without its hidden files.
 */
export async function hasObjects(stage: Stage): Promise<boolean> {
  return (await readToken(stage, { create: false })) !== null || (await stage.folders()).length > 0;
}

/** Implements `Stage.token` with an object of that name. */
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
    // Two planners at the same time: the first token counts.
    if (!(error instanceof ObjectExists)) throw error;
  }
  return readToken(stage, { create: false });
}
