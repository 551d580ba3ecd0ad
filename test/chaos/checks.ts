/** What must hold for a run after everything that was done to it. Each check throws with what it found. */
import {
  attemptsAgree,
  budgetsKept,
  callsAddUp,
  closedMeansStopped,
  doneIsDone,
  skippedMeansNotCalled,
} from './call-checks';
import type { Driven } from './drive';
import { gather, type Evidence } from './evidence';
import { artifactsWhole, lateCommitRefused, nothingUnfinished, rowsOnce } from './output-checks';
import { assertNoSecrets } from './secrets';
import { assertStageWhole } from './stage-files';
import { allThere, machineCostsNothing, replacedRefused, statusesAgree } from './state-checks';
import { patiently } from './patiently';
import { type World } from './world';

export const CHECKS: Record<string, (evidence: Evidence) => Promise<void> | void> = {
  'no partition is lost': allThere,
  'no partition is called again after it was recorded DONE': doneIsDone,
  'attempts and artifacts match the call log': attemptsAgree,
  'the call log and attempts in the state add up': callsAddUp,
  'no function is called more often than its budget allows': budgetsKept,
  'no partition fails because of the machine': machineCostsNothing,
  'no row is duplicated or missing': rowsOnce,
  'every artifact is whole': artifactsWhole,
  'no file on the stage is incomplete': ({ world }) => assertStageWhole(world),
  'nothing unfinished is left on the stage': nothingUnfinished,
  'exit codes, statuses and close statuses agree': statusesAgree,
  'a closed run had no function running': closedMeansStopped,
  'only a replaced file is refused': replacedRefused,
  'skipped partitions were not called': skippedMeansNotCalled,
  'a late commit is refused': lateCommitRefused,
  'no secret leaked': ({ world, driven }) => assertNoSecrets(world, driven),
};

/** Resolves with the names of the failed checks, and why they failed. */
export async function check(world: World, driven: Driven): Promise<{ name: string; problem: string }[]> {
  const evidence = await gather(world, driven);
  const failed: { name: string; problem: string }[] = [];
  for (const [name, holds] of Object.entries(CHECKS)) {
    try {
      await holds(evidence);
    } catch (error) {
      failed.push({ name, problem: error instanceof Error ? error.message : String(error) });
    }
  }
  return failed;
}

/** After the workers are killed, runners and their work end without help. */
export async function assertNoneLeft(world: World): Promise<void> {
  const runners = [...new Set(world.calls.read().map(({ pid }) => pid))];
  await patiently('runners to end with their workers', () =>
    Promise.resolve(runners.some((pid) => world.isRunner(pid)) ? undefined : true),
  );
}
