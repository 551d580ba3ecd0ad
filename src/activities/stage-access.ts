import { Refusal } from '../run/refusal';
import { openStage, type Stage } from '../stage';

/**
 * Opens the stage that a plan names and makes sure that it is the same one: on another machine a folder of that name
 * may be another folder, and nothing must be written there.
 */
export async function openPlannedStage(uri: string, token: string): Promise<Stage> {
  const stage = openStage(uri);
  if ((await stage.token({ create: false })) === token) return stage;
  throw new Refusal('StageUnreachable', [
    `This worker does not see the stage ${uri} that the run was planned on: ` +
      'mount the same folder here, or use a stage that every worker can reach.',
  ]);
}
