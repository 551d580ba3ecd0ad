/**
 * Errors of reading and starting runs. Messages are sentences for people; fields are for programs.
 */
import { shellWord } from '../core/shell-word';
import type { RefusalType } from '../core/refusal';

/** A run was not started because its input was refused. Nothing was started. */
export class StartRefused extends Error {
  override name = 'StartRefused';
  constructor(
    /**
     * `InvalidInput`: the input or the run id is invalid. `RunExists`: a run with this id already exists.
     */
    readonly type: RefusalType,
    /** All problems, each a sentence. */
    readonly problems: readonly string[],
  ) {
    super(problems.length === 1 ? problems[0] : problems.map((problem) => `- ${problem}`).join('\n'));
  }
}

/** Nothing was removed from the stage. */
export class CleanRefused extends Error {
  override name = 'CleanRefused';
  constructor(
    /** All problems, each a sentence. */
    readonly problems: readonly string[],
  ) {
    super(problems.length === 1 ? problems[0] : problems.map((problem) => `- ${problem}`).join('\n'));
  }
}

/** There is nothing at the place of a stage. */
export class NoSuchStage extends Error {
  override name = 'NoSuchStage';
  constructor(
    /** Absolute URI. */
    readonly stage: string,
  ) {
    super(
      `There is no stage at ${stage}: nothing has been written there. Check the path; a project's own stage is the "stage" of its configuration.`,
    );
  }
}

/** The server has no run with this id. */
export class NoSuchRun extends Error {
  override name = 'NoSuchRun';
  constructor(
    readonly runId: string,
    message: string,
  ) {
    super(message);
  }
}

/** A schedule was not created, or an operation on it was refused. Nothing was started. */
export class ScheduleRefused extends Error {
  override name = 'ScheduleRefused';
  constructor(
    /** All problems, each a sentence. */
    readonly problems: readonly string[],
  ) {
    super(problems.length === 1 ? problems[0] : problems.map((problem) => `- ${problem}`).join('\n'));
  }
}

/** The server has no schedule with this id. */
export class NoSuchSchedule extends Error {
  override name = 'NoSuchSchedule';
  constructor(
    readonly scheduleId: string,
    message: string,
  ) {
    super(message);
  }
}

/** A file or archive does not contain a run's history, or contains one that this release cannot read. */
export class UnreadableHistory extends Error {
  override name = 'UnreadableHistory';
}

/** The run cannot be archived, or not from here. */
export class CannotArchive extends Error {
  override name = 'CannotArchive';
}

/** Two runs have no partitions to compare. */
export class CannotCompare extends Error {
  override name = 'CannotCompare';
}

/** The run was read from a file, and the operation needs the server that it ran on. */
export class ServerNeeded extends Error {
  override name = 'ServerNeeded';
  constructor(
    readonly runId: string,
    method: string,
  ) {
    super(
      `The run "${runId}" was opened from a file, so it can only be read. For ${method}, connect to its server and get the run there: (await Partwise.connect()).getRun("${runId}").`,
    );
  }
}

/** The run has no partition with this id. */
export class NoSuchPartition extends Error {
  override name = 'NoSuchPartition';
  constructor(
    readonly runId: string,
    readonly partitionId: string,
    message: string,
  ) {
    super(message);
  }
}

/** The partition has no artifact with this name. */
export class NoSuchArtifact extends Error {
  override name = 'NoSuchArtifact';
  constructor(
    readonly partitionId: string,
    readonly artifact: string,
    message: string,
  ) {
    super(message);
  }
}

/** The artifact cannot be shown as a table. */
export class NotATable extends Error {
  override name = 'NotATable';
  constructor(
    readonly artifact: string,
    /** Without a period at its end. */
    reason: string,
  ) {
    super(`The artifact "${artifact}" cannot be shown as a table: ${reason}.`);
  }
}

/** The run has no rows yet, or will never have any, because it was not planned. */
export class NoResults extends Error {
  override name = 'NoResults';
  constructor(readonly runId: string) {
    super(
      `The run "${runId}" has no results: it has not been planned. To see its status, run: partwise status ${shellWord(runId)}`,
    );
  }
}

/** The run has ended, so there is nothing left to cancel, pause or change. */
export class RunEnded extends Error {
  override name = 'RunEnded';
  constructor(
    readonly runId: string,
    doing: 'cancel' | 'pause' | 'unpause' | 'change',
  ) {
    super(
      `The run "${runId}" has already ended, so there is nothing to ${doing}. To see how it ended, run: partwise status ${shellWord(runId)}`,
    );
  }
}

/**
 * A running run rejected a change; the message says why. Nothing was changed unless the message says
 * otherwise.
 */
export class UpdateRefused extends Error {
  override name = 'UpdateRefused';
  constructor(
    readonly runId: string,
    message: string,
  ) {
    super(message);
  }
}

/** `wait` gave up before the run ended; the run continues. */
export class WaitTimeout extends Error {
  override name = 'WaitTimeout';
  constructor(
    readonly runId: string,
    timeoutMs: number,
  ) {
    super(
      `The run "${runId}" did not end within ${timeoutMs} ms. It is still running: wait again, or follow it with partwise watch ${shellWord(runId)}.`,
    );
  }
}
