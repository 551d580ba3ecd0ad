import { shellWord } from '../core/shell-word';
import { Refusal } from '../core/refusal';
import { ObjectDamaged, ObjectMissing } from '../stage';
import { RunFilesRemoved } from './removed-files';

/**
 * Reads files of DONE partitions; if they are missing or damaged, the error names the command that runs those
 * partitions again.
 */
export async function orRerun<T>(runId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RunFilesRemoved) throw error;
    if (!(error instanceof ObjectMissing || error instanceof ObjectDamaged)) throw error;
    throw new Refusal('StageDamaged', [
      `${error.message} Restore an intact copy, or run its partitions again: partwise retry ${shellWord(runId)} --rerun-missing`,
    ]);
  }
}
