import { randomUUID } from 'node:crypto';
import { ObjectExists, type Stage } from './stage';

/** Tells stages apart: a worker that reads another text in it, or none, sees another stage than the planner did. */
export const TOKEN_FILE = '.partwise-stage';

/** The token of a stage that had none a moment ago. */
export async function makeToken(stage: Stage): Promise<string | null> {
  try {
    await stage.put(TOKEN_FILE, Buffer.from(`${randomUUID()}\n`));
  } catch (error) {
    // Two planners at once: the first token stands.
    if (!(error instanceof ObjectExists)) throw error;
  }
  return stage.token({ create: false });
}
