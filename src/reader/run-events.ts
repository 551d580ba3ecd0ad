/** Readings of a followed run → the events between them. */
import type { RunPlan } from '../core/plan';
import { failed, isFailure, PARTITION_STATUSES } from '../core/status';
import type { UnitRecord } from '../history/fold';
import type { PartitionViews } from './partitions/partition-views';
import type { Reading, RunReader } from './run-reader';
import type { PlannedRun, RunEvent } from './types';
import type { RunState } from '../history/state';
import { StageUnavailable } from '../stage';

/** A run's events from its start, including those before it was followed. */
export class RunEvents {
  #planned = false;
  readonly #reported = new Set<number>();
  /** How many of a block are reported, by its first ordinal: no partition is in two blocks. */
  readonly #reportedOf = new Map<number, number>();
  #shown = '';

  constructor(
    private readonly reader: RunReader,
    private readonly partitions: 'all' | 'failed',
  ) {}

  async *since(reading: Reading): AsyncGenerator<RunEvent> {
    const { record, overlay, state } = reading;
    if (record.plan !== null && !this.#planned) {
      this.#planned = true;
      yield { type: 'planned', plan: plannedRun(record.plan) };
    }
    const views = await this.#views(reading);
    try {
      if (views !== null) yield* this.#partitions(views, reading);
    } catch (error) {
      // What was not reported comes with a later reading; counts come from history in any case.
      if (!(error instanceof StageUnavailable)) throw error;
    }
    const running = overlay?.labels ?? [];
    const shown = progressKey(state, running);
    if (shown !== this.#shown) {
      this.#shown = shown;
      yield { type: 'progress', state, running };
    }
    if (record.closed !== null) yield { type: 'ended', state };
  }

  async *#partitions(views: PartitionViews, { record }: Reading): AsyncGenerator<RunEvent> {
    const { single, blocks } = await this.reader.outcomes(record, this.#wanted);
    const own = record.plan!.execution;
    for (const [ordinal, { outcome, execution }] of single) {
      const { reused, status } = outcome;
      if (this.#reported.has(ordinal)) continue;
      // Outcomes that were taken over are not events of this execution.
      if (reused || execution !== own) continue;
      if (this.partitions === 'all' || isFailure(status)) {
        const partition = await views.view(ordinal);
        this.#reported.add(ordinal);
        yield { type: 'partition', partition };
      } else this.#reported.add(ordinal);
    }
    if (this.partitions === 'failed') return;
    for (const { block, execution } of blocks) {
      if (execution !== own) continue;
      const { ordinals } = block;
      const first = ordinals[0]!;
      for (let n = this.#reportedOf.get(first) ?? 0; n < ordinals.length; n++) {
        const partition = await views.view(ordinals[n]!);
        this.#reportedOf.set(first, n + 1);
        yield { type: 'partition', partition };
      }
    }
  }

  /**
   * Null if there is no plan yet, or the stage cannot be read from here; counts come from history in any
   * case.
   */
  async #views(reading: Reading): Promise<PartitionViews | null> {
    return this.reader.views(reading, this.#wanted).catch(() => null);
  }

  /** If only failures are wanted, units without failures are not read. */
  readonly #wanted = ({ end }: UnitRecord): boolean =>
    this.partitions === 'all' || end?.type !== 'result' || failed(end.result.counts) > 0;
}

function progressKey(state: RunState, running: readonly string[]): string {
  const { counts, waiting, retries, paused, maxConcurrency, toleratedFailures } = state;
  const step = waiting === null ? '' : `${waiting.activity} ${waiting.attempt}`;
  const set = `${paused} ${maxConcurrency} ${toleratedFailures}`;
  const next = retries.first.map(({ label, attempt, at }) => `${label} ${attempt} ${at}`).join('\n');
  return `${PARTITION_STATUSES.map((status) => counts[status]).join()} ${step} ${set} ${running.join('\n')} ${next}`;
}

function plannedRun({ partitions, rows, units, sharding }: RunPlan): PlannedRun {
  const shards = sharding?.shards ?? [];
  return {
    partitions,
    toRun: [...units, ...shards].reduce((sum, part) => sum + part.partitions, 0),
    rows,
    units: shards.reduce((sum, shard) => sum + shard.units, units.length),
    shards: shards.length,
  };
}
