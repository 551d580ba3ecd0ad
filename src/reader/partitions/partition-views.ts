/**
 * Partitions for readers: recorded in history, supplemented by the live overlay, with the index for the rest.
 */
import type { Outcomes } from '../../history/outcomes';
import type { PartitionEnd } from '../../history/unit-ends';
import type { LiveOverlay, LivePartition } from '../../history/overlay';
import { statusOfUnended } from '../../history/run-state';
import { nextAttempt, roundTimes } from '../../history/retries';
import { callsBefore, type RunRecord } from '../../history/fold';
import type { NextAttempt } from '../../history/state';
import type { ArtifactRef } from '../../core/files';
import { keyValues } from '../../core/key-values';
import { firstErrors, type EarlierError } from '../../core/earlier-errors';
import type { EndedOutcome } from '../../core/outcome';
import type { RunPlan } from '../../core/plan';
import type { PartitionStatus } from '../../core/status';
import type { IndexEntry } from '../../rows/partition-index';
import type { PartitionIndex } from './partition-index';
import type { ArtifactView, PartitionView } from '../partition-types';

type MadeIn = Pick<PartitionView, 'execution' | 'functionDigest' | 'unit' | 'worker'>;

/** The partitions of a planned run at one moment, by ordinal. */
export class PartitionViews {
  #roundTimes: ((ordinal: number) => string | null) | null = null;

  constructor(
    private readonly parts: {
      plan: RunPlan;
      record: RunRecord;
      overlay: LiveOverlay | null;
      outcomes: Outcomes;
      index: PartitionIndex;
    },
  ) {}

  get total(): number {
    return this.parts.plan.partitions;
  }

  status(ordinal: number): PartitionStatus {
    const { outcomes, overlay, record } = this.parts;
    const ended = outcomes.statusOf(ordinal) ?? overlay?.ended.get(ordinal)?.outcome.status;
    if (ended !== undefined) return ended;
    return overlay?.running.has(ordinal) ? 'RUNNING' : statusOfUnended(record, ordinal);
  }

  /** Its end as recorded in history; undefined if it has not ended. */
  recorded(ordinal: number): PartitionEnd | undefined {
    return this.parts.outcomes.get(ordinal);
  }

  async view(ordinal: number): Promise<PartitionView> {
    const { outcomes, overlay } = this.parts;
    const recorded = outcomes.get(ordinal);
    if (recorded !== undefined) {
      const { execution, functionDigest, unit } = recorded;
      const worker = workerOf(recorded);
      const madeIn = { execution, functionDigest, unit: unit?.activityId ?? null, worker };
      return this.#ended(recorded.outcome, madeIn);
    }
    const live = overlay?.ended.get(ordinal);
    // enforces I3: artifacts become visible when history names them, which is when the unit completes.
    if (live === undefined) return this.#unended(ordinal);
    const { execution } = this.parts.plan;
    const { functionDigest } = live;
    const madeIn = { execution, functionDigest, unit: null, worker: null };
    return this.#ended(outcomes.withErrors({ ...live.outcome, artifacts: [] }), madeIn);
  }

  async id(ordinal: number): Promise<string> {
    return this.parts.outcomes.single.get(ordinal)?.outcome.id ?? (await this.#entry(ordinal)).id;
  }

  /** Null if the run has no partition with this id. */
  async ordinalOf(id: string): Promise<number | null> {
    const { single } = this.parts.outcomes;
    let named = 0;
    for (const { outcome } of single.values()) {
      if (outcome.id === id) return outcome.ordinal;
      if (outcome.id !== null) named++;
    }
    // The ids of all partitions are known, and this one is not among them.
    if (named === this.total) return null;
    return this.parts.index.ordinalOf(id);
  }

  /** All ids, for messages. */
  async ids(): Promise<readonly string[]> {
    return this.parts.index.allIds();
  }

  async #entry(ordinal: number): Promise<IndexEntry> {
    return this.parts.index.entry(ordinal);
  }

  async #ended(outcome: EndedOutcome, madeIn: MadeIn): Promise<PartitionView> {
    const { status, attempts, startedAt, durationMs, reused, error, artifacts, ordinal } = outcome;
    const id = outcome.id ?? (await this.#entry(ordinal)).id;
    const rows = outcome.rows ?? (await this.#entry(ordinal)).rows;
    return {
      id,
      ordinal,
      key: keyValues(id, this.parts.plan.keyColumns),
      status,
      attempts,
      rows,
      returnedRows: status === 'DONE' ? outcome.outputRows : 0,
      startedAt,
      durationMs,
      reused,
      error,
      earlierErrors: outcome.earlierErrors ?? [],
      nextAttempt: null,
      artifacts: artifacts.map(artifactView),
      ...madeIn,
    };
  }

  async #unended(ordinal: number): Promise<PartitionView> {
    const { outcomes, overlay, plan } = this.parts;
    const { id, rows } = await this.#entry(ordinal);
    const running = overlay?.running.get(ordinal);
    const waiting = overlay?.waiting.get(ordinal);
    const live = running ?? waiting;
    const calls = running?.attempt ?? (waiting && waiting.attempt - 1) ?? outcomes.calls.get(ordinal);
    return {
      id,
      ordinal,
      key: keyValues(id, plan.keyColumns),
      status: this.status(ordinal),
      attempts: calls ?? 0,
      rows,
      returnedRows: 0,
      startedAt: live?.startedAt ?? null,
      durationMs: null,
      reused: false,
      error: live?.error ?? outcomes.thrown.get(ordinal)?.outcome.error ?? null,
      earlierErrors: this.#errorsBefore(ordinal, live),
      nextAttempt: running === undefined ? (waiting?.next ?? this.#nextRound(ordinal)) : null,
      artifacts: [],
      execution: null,
      unit: live?.activityId ?? null,
      worker: live?.worker ?? null,
      functionDigest: null,
    };
  }

  /** The errors of calls before the one whose error is shown. */
  #errorsBefore(ordinal: number, live: LivePartition | undefined): EarlierError[] {
    const { outcomes } = this.parts;
    const shown = live?.error ?? outcomes.thrown.get(ordinal)?.outcome.error ?? null;
    const last = live?.error ? live.attempt - 1 : outcomes.thrown.get(ordinal)?.outcome.attempts;
    const errors = [...outcomes.errorsOf(ordinal), ...(live?.earlierErrors ?? [])];
    return firstErrors(errors.filter(({ attempt, type }) => attempt !== last || type !== shown?.type));
  }

  #roundAt(ordinal: number): string | null {
    this.#roundTimes ??= roundTimes(this.parts.record);
    return this.#roundTimes(ordinal);
  }

  /** The next attempt of a partition that its batch gave back. */
  #nextRound(ordinal: number): NextAttempt | null {
    const { outcomes, overlay, record } = this.parts;
    const given = record.waiting.get(ordinal);
    if (overlay === null || given === undefined) return null;
    const error = outcomes.thrown.get(ordinal)?.outcome.error ?? null;
    return nextAttempt(record, { attempt: callsBefore(given) + 1, at: this.#roundAt(ordinal), error });
  }
}

/**
 * The worker that ran a partition's last call. A unit's result has the worker of its last attempt; partitions
 * that an earlier attempt ended may have run on another.
 */
function workerOf({ unit, outcome, functionDigest }: PartitionEnd): string | null {
  if (unit?.end?.type !== 'result' || functionDigest === null) return null;
  const isOfLast =
    unit.attempts === 1 ||
    (unit.startedAt !== null && Date.parse(outcome.startedAt) >= Date.parse(unit.startedAt));
  return isOfLast ? unit.end.result.worker || null : null;
}

export function artifactView({ name, bytes, sha256 }: ArtifactRef): ArtifactView {
  return { name, bytes, sha256 };
}
