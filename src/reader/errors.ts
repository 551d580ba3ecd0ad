/**
 * What reading and starting runs can fail with. Each message is a sentence for people; the fields are for
 * programs.
 */
import type { RefusalType } from '../core/refusal';

/** A run was not started, because of what it asked for. Nothing was begun. */
export class StartRefused extends Error {
  override name = 'StartRefused';
  constructor(
    /**
     * `InvalidInput`: the input or the run id is not usable. `RunExists`: a run of this id is there already.
     */
    readonly type: RefusalType,
    /** Every problem, each a sentence. */
    readonly problems: readonly string[],
  ) {
    super(problems.length === 1 ? problems[0] : problems.map((problem) => `- ${problem}`).join('\n'));
  }
}

/** Nothing was removed from the stage. */
export class CleanRefused extends Error {
  override name = 'CleanRefused';
  constructor(
    /** Every problem, each a sentence. */
    readonly problems: readonly string[],
  ) {
    super(problems.length === 1 ? problems[0] : problems.map((problem) => `- ${problem}`).join('\n'));
  }
}

/** There is no run of this id on the server. */
export class NoSuchRun extends Error {
  override name = 'NoSuchRun';
  constructor(
    readonly runId: string,
    message: string,
  ) {
    super(message);
  }
}

/** A schedule was not made, or does not do what was asked of it. Nothing was begun. */
export class ScheduleRefused extends Error {
  override name = 'ScheduleRefused';
  constructor(
    /** Every problem, each a sentence. */
    readonly problems: readonly string[],
  ) {
    super(problems.length === 1 ? problems[0] : problems.map((problem) => `- ${problem}`).join('\n'));
  }
}

/** There is no schedule of this id on the server. */
export class NoSuchSchedule extends Error {
  override name = 'NoSuchSchedule';
  constructor(
    readonly scheduleId: string,
    message: string,
  ) {
    super(message);
  }
}

/** A file or archive does not hold a run's history, or one that this release cannot read. */
export class UnreadableHistory extends Error {
  override name = 'UnreadableHistory';
}

/** A run cannot be archived, or not from here. */
export class CannotArchive extends Error {
  override name = 'CannotArchive';
}

/** The run was read from a file, and what was asked needs the server that it ran on. */
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

/** The run has no partition of this id. */
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

/** The partition has no artifact of this name. */
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

/** The run has ended, so there is nothing left to cancel, pause or change. */
export class RunEnded extends Error {
  override name = 'RunEnded';
  constructor(
    readonly runId: string,
    doing: 'cancel' | 'pause' | 'unpause' | 'change',
  ) {
    super(
      `The run "${runId}" has already ended, so there is nothing to ${doing}. To see how it ended, run: partwise status ${runId}`,
    );
  }
}

/**
 * A running run did not take what it was asked for; the message says why. Nothing was changed, unless it says
 * so.
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

/** `wait` gave up before the run's end; the run goes on. */
export class WaitTimeout extends Error {
  override name = 'WaitTimeout';
  constructor(
    readonly runId: string,
    timeoutMs: number,
  ) {
    super(
      `The run "${runId}" did not end within ${timeoutMs} ms. It is still running: wait again, or follow it with partwise watch ${runId}.`,
    );
  }
}
