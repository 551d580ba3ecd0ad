import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../core/refusal';
import { openStage, type Stage } from '../stage';

/** A network mount whose server is gone never answers. */
const ANSWER_MS = 20_000;
/**
 * The stage's token, created on first use. Throws a `Refusal` if the stage is not writable, or does not
 * answer.
 */
export async function claimStage(stage: Stage, answerMs = ANSWER_MS): Promise<string> {
  // Requests to a remote stage have their own timeouts and retries.
  if (!stage.isLocal) return (await stage.token({ create: true }))!;
  const timer = new AbortController();
  const late = sleep(answerMs, null, { signal: timer.signal }).then(() => {
    throw new Refusal('StageUnreachable', [
      `The stage ${stage.uri} did not answer within ${answerMs / 1000} s: check what is mounted there, or use another folder.`,
    ]);
  });
  try {
    return (await Promise.race([stage.token({ create: true }), late]))!;
  } finally {
    timer.abort();
    late.catch(() => {});
  }
}

/**
 * Opens the stage that a plan names and verifies that it is the same one: on another machine, a folder with
 * the same path may be a different one, which must not be written to.
 */
export async function openPlannedStage(uri: string, token: string): Promise<Stage> {
  const stage = openStage(uri, token);
  if ((await stage.token({ create: false })) === token) return stage;
  throw new Refusal('StageUnreachable', [
    `The stage ${uri} that the run was planned on cannot be reached from here: ` +
      'mount the same folder, or use a stage that every machine can reach.',
  ]);
}
