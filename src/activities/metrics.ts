/**
 * A worker's metrics in addition to those of Temporal's SDK. They use the SDK's meter, so that one endpoint
 * serves both. Labels are statuses, function names and reasons, never ids or keys.
 */
import { noopMetricMeter, type MetricMeter } from '@temporalio/common';
import type { Recorded } from '../stored/checkpoints';
import type { UnitResult } from '../core/outcome';

const PARTITIONS = 'partwise_partitions_total';
const DURATION = 'partwise_partition_duration_ms';
const QUEUE_WAIT = 'partwise_unit_queue_wait_ms';
const RESTARTS = 'partwise_runner_restarts_total';

const BUCKETS_MS = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000];
/** For the exporter: the SDK's default buckets end at ten seconds. */
export const HISTOGRAM_BUCKETS = { [DURATION]: BUCKETS_MS, [QUEUE_WAIT]: BUCKETS_MS };

/** Why a runner was replaced: it was killed or died, or it used too much memory after its unit. */
export type RestartReason = 'lost' | 'memory';

export class WorkerMetrics {
  readonly #partitions;
  readonly #duration;
  readonly #queueWait;
  readonly #restarts;

  private constructor(meter: MetricMeter) {
    this.#partitions = meter.createCounter(
      PARTITIONS,
      undefined,
      'Partitions that ended on this worker, by status',
    );
    this.#duration = meter.createHistogram(DURATION, 'int', 'ms', 'Duration of the last call of a partition');
    this.#queueWait = meter.createHistogram(QUEUE_WAIT, 'int', 'ms', 'Time that a unit waited for a worker');
    this.#restarts = meter.createCounter(RESTARTS, undefined, 'Runner processes that were replaced');
  }

  /** Null if metrics are not collected, because a million partitions would be a million calls. */
  static of(meter: MetricMeter): WorkerMetrics | null {
    return meter === noopMetricMeter ? null : new WorkerMetrics(meter);
  }

  unitWaited(ms: number): void {
    // The two clocks may disagree.
    this.#queueWait.record(Math.max(0, Math.round(ms)));
  }

  /** Partitions that another unit will call again are counted there. */
  unitEnded(functionName: string, { counts }: UnitResult, { outcomes, blocks }: Recorded): void {
    for (const [status, count] of Object.entries(counts))
      if (count > 0) this.#partitions.add(count, { status, function: functionName });
    const duration = (ms: number): void => this.#duration.record(Math.round(ms), { function: functionName });
    for (const { outcome, retryable, big } of outcomes) if (!retryable && !big) duration(outcome.durationMs);
    for (const { block } of blocks) block.durationMs.forEach(duration);
  }

  runnerReplaced(reason: RestartReason): void {
    this.#restarts.add(1, { reason });
  }
}
