/**
 * The interface through which readers get events: the history of one execution, on the server or recorded.
 */
import { readClosing, type ArchivedClosing, type RecordedClosing } from '../archive/closing';
import type { ReadArchive } from '../archive/content';
import type { ShardRef } from '../../history/facts';
import type { Stage } from '../../stage';
import type { Description, ExecutionRef, HistorySource } from './history-source';
import { ArchivedShard, archivesOn, ServerShard, type ShardHistory } from './shard-history';
import type { HistoryEvent, PayloadDecoder } from '../../history/events';

export interface ExecutionHistory extends ShardHistory {
  readonly execution: ExecutionRef;
  /**
   * The execution as the server described it when it was located. Null for a recorded history, of which
   * nothing is live.
   */
  readonly description: Description | null;
  /** How it ended, if it was archived just before its end. */
  closing(decoder: PayloadDecoder): Promise<ArchivedClosing | null>;
  /** Waits for the end. */
  untilClosed(signal: AbortSignal): Promise<void>;
  /**
   * The history of a shard of this execution. `execution` is the execution's number; `stage` has the
   * archives.
   */
  shard(shard: ShardRef, execution: number, stage: Stage): ShardHistory;
}

export class ServerHistory implements ExecutionHistory {
  readonly execution: ExecutionRef;

  constructor(
    private readonly source: HistorySource,
    workflowId: string,
    readonly description: Description,
  ) {
    this.execution = { workflowId, runId: description.workflowExecutionInfo!.execution!.runId! };
  }

  async closing(): Promise<null> {
    return null;
  }

  pages(): AsyncGenerator<HistoryEvent[]> {
    return this.source.pages(this.execution);
  }

  follow(signal: AbortSignal): AsyncGenerator<HistoryEvent[]> {
    return this.source.follow(this.execution, signal);
  }

  untilClosed(signal: AbortSignal): Promise<void> {
    return this.source.untilClosed(this.execution, signal);
  }

  describe(): Promise<Description> {
    return this.source.describe(this.execution.workflowId, this.execution.runId);
  }

  shard(shard: ShardRef, execution: number, stage: Stage): ShardHistory {
    const read = archivesOn(stage, this.execution.workflowId);
    const archived = new ArchivedShard(shard, execution, read, `on the stage ${stage.uri}`);
    return new ServerShard(this.source, shard, archived);
  }
}

/** A history from an archive or a file. It no longer changes. */
export class RecordedHistory implements ExecutionHistory {
  readonly description = null;

  constructor(
    readonly execution: ExecutionRef,
    readonly events: HistoryEvent[],
    private readonly recordedClosing: RecordedClosing | null,
    /** Archives of its shards. */
    private readonly shards: { read: ReadArchive; place: string },
  ) {}

  shard(shard: ShardRef, execution: number): ShardHistory {
    return new ArchivedShard(shard, execution, this.shards.read, this.shards.place);
  }

  closing(decoder: PayloadDecoder): Promise<ArchivedClosing | null> {
    return readClosing(this.recordedClosing, decoder);
  }

  async *pages(): AsyncGenerator<HistoryEvent[]> {
    yield this.events;
  }

  follow(): AsyncGenerator<HistoryEvent[]> {
    return this.pages();
  }

  async untilClosed(): Promise<void> {}

  async describe(): Promise<null> {
    return null;
  }
}
