/** Partitions as readers see them: what history records of each, what the live overlay adds, and the index for the rest. */
import type { Outcomes, PartitionEnd } from '../history/outcomes';
import type { LiveOverlay } from '../history/overlay';
import { statusOfUnended } from '../history/run-state';
import type { RunRecord } from '../history/fold';
import type { ArtifactRef } from '../run/files';
import { keyValues } from '../run/key-values';
import type { EndedOutcome } from '../run/done-block';
import type { RunPlan } from '../run/plan';
import type { PartitionStatus } from '../run/status';
import type { PartitionIndex } from './partition-index';
import type { ArtifactView, PartitionView } from './types';

/** The partitions of a planned run at one moment, by ordinal. */
export class PartitionViews {
  #index: PartitionIndex | null = null;

  constructor(
    private readonly parts: {
      plan: RunPlan;
      record: RunRecord;
      overlay: LiveOverlay | null;
      outcomes: Outcomes;
      loadIndex: () => Promise<PartitionIndex>;
    },
  ) {}

  get total(): number {
    return this.parts.plan.partitions;
  }

  status(ordinal: number): PartitionStatus {
    const { outcomes, overlay, record } = this.parts;
    const ended = outcomes.statusOf(ordinal) ?? overlay?.ended.get(ordinal)?.status;
    if (ended !== undefined) return ended;
    return overlay?.running.has(ordinal) ? 'RUNNING' : statusOfUnended(record, ordinal);
  }

  async view(ordinal: number): Promise<PartitionView> {
    const { outcomes, overlay } = this.parts;
    const recorded = outcomes.get(ordinal);
    if (recorded !== undefined) return this.#ended(recorded);
    const live = overlay?.ended.get(ordinal);
    // enforces I3: artifacts show when history names them, which it will when the unit completes.
    return live === undefined ? this.#unended(ordinal) : this.#ended({ ...live, artifacts: [] });
  }

  async id(ordinal: number): Promise<string> {
    return this.parts.outcomes.single.get(ordinal)?.id ?? (await this.#loadIndex()).ids[ordinal]!;
  }

  /** Null when the run has no partition of this id. */
  async ordinalOf(id: string): Promise<number | null> {
    const { single } = this.parts.outcomes;
    let someUnnamed = single.size < this.total;
    for (const end of single.values()) {
      if (end.id === id) return end.ordinal;
      someUnnamed ||= end.id === null;
    }
    // The id of every partition is known here, and none is this one.
    if (!someUnnamed) return null;
    return (await this.#loadIndex()).ordinalOf(id);
  }

  /** All ids, for messages. */
  async ids(): Promise<readonly string[]> {
    return (await this.#loadIndex()).ids;
  }

  async #loadIndex(): Promise<PartitionIndex> {
    return (this.#index ??= await this.parts.loadIndex());
  }

  async #ended(end: PartitionEnd | EndedOutcome): Promise<PartitionView> {
    const { status, attempts, startedAt, durationMs, reused, error, artifacts, ordinal } = end;
    const id = end.id ?? (await this.#loadIndex()).ids[ordinal]!;
    const rows = end.rows ?? (await this.#loadIndex()).rows[ordinal]!;
    return {
      id,
      key: keyValues(id, this.parts.plan.keyColumns),
      status,
      attempts,
      rows,
      startedAt,
      durationMs,
      reused,
      error,
      artifacts: artifacts.map(artifactView),
    };
  }

  async #unended(ordinal: number): Promise<PartitionView> {
    const { outcomes, overlay, plan } = this.parts;
    const index = await this.#loadIndex();
    const live = overlay?.running.get(ordinal) ?? overlay?.waiting.get(ordinal);
    const id = index.ids[ordinal]!;
    return {
      id,
      key: keyValues(id, plan.keyColumns),
      status: this.status(ordinal),
      attempts: live?.attempt ?? outcomes.calls.get(ordinal) ?? 0,
      rows: index.rows[ordinal]!,
      startedAt: live?.startedAt ?? null,
      durationMs: null,
      reused: false,
      error: live?.error ?? outcomes.thrown.get(ordinal)?.error ?? null,
      artifacts: [],
    };
  }
}

export function artifactView({ name, bytes, sha256 }: ArtifactRef): ArtifactView {
  return { name, bytes, sha256 };
}
