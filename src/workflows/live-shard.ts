/** A shard from its run's point of view, from start to end. */
import {
  ActivityFailure,
  ChildWorkflowFailure,
  CancellationScope,
  condition,
  isCancellation,
  startChild,
  TerminatedFailure,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { encodeOrdinals } from '../core/units/ordinals';
import type { ShardSettings, ShardTask } from '../core/tasks';
import { shardId } from '../core/units/shards';
import { asShardReport } from '../core/answers/shard-messages';
import { endedIn, type ShardReport } from '../core/units/shard-report';
import type { partitionShard } from './partition-shard';
import { provenanceOf } from './payload-converter';
import { arePlaces, areSkipped, decideSignal, holdSignal, settingsSignal } from './shard-messages';
import type { UnitPlace, Skipped } from './units';

export type ShardEnd =
  | { type: 'report'; report: ShardReport }
  /** Cancelled before it had started. */
  | { type: 'notStarted' }
  /** It failed, was terminated, or was cancelled while its run was not. */
  | { type: 'lost'; why: string };

export class LiveShard {
  /** The open request: its number of partitions, and the answers. */
  #asked = 0;
  #places: UnitPlace[] | null = null;
  #skipped: Skipped[] | null = null;
  #handle: ChildWorkflowHandle<typeof partitionShard> | null = null;
  #ended = false;
  #wanted: ShardSettings;
  #delivered: number;
  #delivering = false;

  constructor(
    private readonly task: ShardTask,
    private readonly scope: CancellationScope,
  ) {
    this.#wanted = task.settings;
    this.#delivered = task.settings.number;
  }

  get number(): number {
    return this.task.shard;
  }

  /** The latest settings sent to it. */
  get settings(): ShardSettings {
    return this.#wanted;
  }

  /**
   * `onStarted` is called when the server has started the shard. Throws only errors that a child workflow
   * cannot end with.
   */
  async run(onStarted: () => void): Promise<ShardEnd> {
    const { task, scope } = this;
    const shards = { [task.shard]: { partitions: task.partitions } };
    try {
      const returned: unknown = await scope.run(async () => {
        const { runId, shard, plan } = task;
        this.#handle = await startChild<typeof partitionShard>('partitionShard', {
          workflowId: shardId({ runId, execution: plan.execution }, shard),
          args: [task],
          parentClosePolicy: 'TERMINATE',
          // The run closes only after its shards have closed and their functions have stopped (I12).
          cancellationType: 'WAIT_CANCELLATION_COMPLETED',
        });
        onStarted();
        void this.#deliver();
        return this.#handle.result();
      });
      if (provenanceOf(returned) === null)
        return { type: 'lost', why: 'its report was not written by the project’s worker' };
      const report = asShardReport(returned, shards);
      if (report === null) return { type: 'lost', why: 'it returned something that is not a report' };
      const cutShort = endedIn(report) < task.partitions || report.counts.CANCELLED > 0;
      return cutShort && !scope.consideredCancelled
        ? { type: 'lost', why: 'it was cancelled, but its run was not' }
        : { type: 'report', report };
    } catch (error) {
      if (isCancellation(error) && scope.consideredCancelled) return { type: 'notStarted' };
      return { type: 'lost', why: whyLost(error) };
    } finally {
      this.#ended = true;
    }
  }

  set(settings: ShardSettings): void {
    this.#wanted = settings;
    void this.#deliver();
  }

  /** Resolves when the shard has the latest settings, or has ended. */
  async inForce(): Promise<void> {
    const { number } = this.#wanted;
    await inAnyCase(() => this.#ended || this.#delivered >= number);
  }

  /** Where partitions are; all `gone` if the shard ends before it answers. */
  async hold(ordinals: readonly number[]): Promise<UnitPlace[]> {
    this.#asked = ordinals.length;
    this.#places = null;
    await this.#send((handle) => handle.signal(holdSignal, { ordinals: encodeOrdinals(ordinals) }));
    await inAnyCase(() => this.#ended || this.#places !== null);
    return this.#places ?? ordinals.map(() => ({ type: 'gone' }));
  }

  async skip(ordinals: readonly number[]): Promise<Skipped[]> {
    this.#skipped = null;
    await this.decide(true);
    await inAnyCase(() => this.#ended || this.#skipped !== null);
    return this.#skipped ?? ordinals.map(() => ({ status: 'CANCELLED', cutOff: false }));
  }

  takePlaces(places: unknown): void {
    if (arePlaces(places) && places.length === this.#asked) this.#places = places;
  }

  takeSkipped(skipped: unknown): void {
    if (areSkipped(skipped) && skipped.length === this.#asked) this.#skipped = skipped;
  }

  decide(skip: boolean): Promise<void> {
    return this.#send((handle) => handle.signal(decideSignal, { skip }));
  }

  /** Sends one message at a time; the next one contains everything set in the meantime. */
  async #deliver(): Promise<void> {
    if (this.#delivering || this.#handle === null) return;
    this.#delivering = true;
    while (!this.#ended && this.#delivered < this.#wanted.number) {
      const settings = this.#wanted;
      await this.#send((handle) => handle.signal(settingsSignal, settings));
      this.#delivered = settings.number;
    }
    this.#delivering = false;
  }

  async #send(message: (handle: ChildWorkflowHandle<typeof partitionShard>) => Promise<void>): Promise<void> {
    await inAnyCase(() => this.#ended || this.#handle !== null);
    if (this.#ended) return;
    // A shard that has just ended gets no message; its last report is complete.
    await CancellationScope.nonCancellable(() => message(this.#handle!)).catch(() => {});
  }
}

/**
 * Also waits in a cancelled run: its shards end soon, which ends the wait. If a cancel rejected a signal
 * handler, the run would close before its shards have ended (I12).
 */
function inAnyCase(holds: () => boolean): Promise<void> {
  return CancellationScope.nonCancellable(() => condition(holds));
}

function whyLost(error: unknown): string {
  // The failures that wrap it only say which activity or workflow failed.
  if (error instanceof ChildWorkflowFailure || error instanceof ActivityFailure)
    if (error.cause !== undefined) return whyLost(error.cause);
  if (error instanceof TerminatedFailure) return 'it was terminated';
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
}
