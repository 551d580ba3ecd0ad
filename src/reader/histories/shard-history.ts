/**
 * The history of a shard: on the server, or in an archive once it has expired there, which may be before its
 * run has ended.
 */
import type { ShardRef } from '../../history/facts';
import { archiveFolder } from '../../stored/layout';
import { ObjectMissing, type Stage } from '../../stage';
import { parseShard, shardArchiveNames, type ReadArchive } from '../archive/content';
import { UnreadableHistory } from '../errors';
import { isNotFound, type Description, type HistorySource } from './history-source';
import type { HistoryEvent } from '../../history/events';

export interface ShardHistory {
  /** All events so far, page by page. */
  pages(): AsyncGenerator<HistoryEvent[]>;
  /** The events from the first to the last, as they happen. */
  follow(signal: AbortSignal): AsyncGenerator<HistoryEvent[]>;
  /** The shard's current description; null if the server does not have it (anymore). */
  describe(): Promise<Description | null>;
}

/** Archives of a run's shards on its stage. */
export function archivesOn(stage: Stage, runId: string): ReadArchive {
  return async (name) => {
    try {
      return await stage.get(`${archiveFolder(runId)}${name}`);
    } catch (error) {
      if (error instanceof ObjectMissing) return null;
      throw error;
    }
  };
}

export class ArchivedShard implements ShardHistory {
  /** `place` says in errors where archives were searched. */
  constructor(
    private readonly shard: ShardRef,
    private readonly execution: number,
    private readonly read: ReadArchive,
    private readonly place: string,
  ) {}

  async *pages(): AsyncGenerator<HistoryEvent[]> {
    const names = shardArchiveNames(this.execution, this.shard);
    for (const name of names) {
      const content = await this.read(name);
      if (content === null) continue;
      yield parseShard(content, `"${name}"`);
      return;
    }
    throw new UnreadableHistory(
      `The run has shards, and the history of shard ${this.shard.number} is missing: there is no ${names.at(-1)} ${this.place}. ` +
        'To read a run from its archive, keep the archives of its shards next to it (partwise archive RUN lists them all).',
    );
  }

  follow(): AsyncGenerator<HistoryEvent[]> {
    return this.pages();
  }

  async describe(): Promise<null> {
    return null;
  }
}

export class ServerShard implements ShardHistory {
  constructor(
    private readonly source: HistorySource,
    private readonly shard: ShardRef,
    private readonly archived: ArchivedShard,
  ) {}

  pages(): AsyncGenerator<HistoryEvent[]> {
    return this.#orArchived(() => this.source.pages(this.shard.execution));
  }

  follow(signal: AbortSignal): AsyncGenerator<HistoryEvent[]> {
    return this.#orArchived(() => this.source.follow(this.shard.execution, signal));
  }

  async describe(): Promise<Description | null> {
    const { workflowId, runId } = this.shard.execution;
    return this.source.describe(workflowId, runId).catch(() => null);
  }

  async *#orArchived(onServer: () => AsyncGenerator<HistoryEvent[]>): AsyncGenerator<HistoryEvent[]> {
    let started = false;
    try {
      for await (const events of onServer()) {
        started = true;
        yield events;
      }
    } catch (error) {
      if (started || !isNotFound(error)) throw error;
      yield* this.archived.pages();
    }
  }
}
