/**
 * How each partition of a run ended, by ordinal: outcomes taken over, outcomes inline in unit results, and
 * outcomes in files that these name.
 */
import { outcomeAt, withEarlierErrors } from '../core/done-block';
import { errorsField, errorsUpTo, firstErrors, type EarlierError } from '../core/earlier-errors';
import type { RowsFile } from '../core/files';
import type { EndedOutcome, FinalStatus } from '../core/outcome';
import type { RunRecord, UnitRecord } from './fold';
import { wasStopped } from './run-state';
import {
  outputOf,
  takeCarried,
  takeUnit,
  unitOutcomes,
  type BlockOfEnds,
  type EndsSink,
  type PartitionEnd,
  type ReadFile,
} from './unit-ends';

/**
 * The outcomes of one execution. `update` adds what is new in the record since the last call, so following a
 * run reads each file once. Callers that need only some partitions' outcomes pass the units that contain
 * them; the outcomes of other partitions are then missing.
 */
export class Outcomes {
  /** Ends stored as individual objects. */
  readonly #single = new Map<number, PartitionEnd>();
  readonly #blocks: BlockOfEnds[] = [];
  /** By ordinal: the number of the block that contains its end, from 1, and the position in it. */
  #blockOf = new Int32Array();
  #positionOf = new Int32Array();
  #inBlocks = 0;
  readonly #calls = new Map<number, number>();
  readonly #thrown = new Map<number, PartitionEnd>();
  /** Errors of the calls before those of `#thrown`, by ordinal: in earlier rounds and executions. */
  readonly #errors = new Map<number, EarlierError[]>();
  /** End times of the units already added, by the event that scheduled them. */
  readonly #taken = new Map<number, string | null>();
  readonly #carriedRows: RowsFile[] = [];
  #updates: Promise<void> = Promise.resolve();
  #carriedTaken = false;

  /** Number of ended partitions. */
  get size(): number {
    return this.#single.size + this.#inBlocks;
  }

  /** Undefined if the partition has not ended. */
  get(ordinal: number): PartitionEnd | undefined {
    const block = this.#blocks[this.#blockOf[ordinal]! - 1];
    if (block === undefined) {
      const end = this.#single.get(ordinal);
      return end === undefined ? undefined : this.#withErrors(end);
    }
    const { execution, functionDigest, output, unit } = block;
    const outcome = outcomeAt(block.block, this.#positionOf[ordinal]!);
    return this.#withErrors({ outcome, execution, functionDigest, output, unit });
  }

  /** An outcome that is not in history yet, with the errors of calls in earlier units and executions. */
  withErrors<Outcome extends Pick<EndedOutcome, 'ordinal' | 'earlierErrors'>>(outcome: Outcome): Outcome {
    const { earlierErrors = [], ...rest } = outcome;
    const errors = firstErrors(this.errorsOf(outcome.ordinal), earlierErrors);
    return { ...rest, ...errorsField(errors) } as Outcome;
  }

  /** Errors of the calls of a partition in units that gave it back, and in earlier executions. */
  errorsOf(ordinal: number): EarlierError[] {
    const thrown = this.#thrown.get(ordinal);
    return firstErrors(
      this.#errors.get(ordinal) ?? [],
      thrown === undefined ? [] : errorsUpTo(thrown.outcome),
    );
  }

  statusOf(ordinal: number): FinalStatus | undefined {
    return this.#blockOf[ordinal]! > 0 ? 'DONE' : this.#single.get(ordinal)?.outcome.status;
  }

  /** The execution that recorded the partition's end. */
  executionOf(ordinal: number): number | undefined {
    return (this.#blocks[this.#blockOf[ordinal]! - 1] ?? this.#single.get(ordinal))?.execution;
  }

  /** Ends of partitions that ran as their own unit, or that are not DONE, by ordinal. */
  get single(): ReadonlyMap<number, PartitionEnd> {
    return this.#single;
  }

  /** All other ends, with the errors of earlier calls. */
  get blocks(): readonly BlockOfEnds[] {
    if (this.#thrown.size + this.#errors.size === 0) return this.#blocks;
    return this.#blocks.map((ends) => {
      const { earlierErrors } = ends.block;
      const errorsOf = (ordinal: number): EarlierError[] =>
        firstErrors(this.errorsOf(ordinal), earlierErrors?.get(ordinal) ?? []);
      return { ...ends, block: withEarlierErrors(ends.block, errorsOf) };
    });
  }

  /** All ends, each created on demand; those in blocks come last. */
  *all(): Generator<PartitionEnd> {
    for (const ordinal of this.#single.keys()) yield this.get(ordinal)!;
    for (const { block } of this.#blocks) for (const ordinal of block.ordinals) yield this.get(ordinal)!;
  }

  /** All files of rows that functions returned, regardless of which units were added. */
  rowsFiles({ units }: RunRecord): RowsFile[] {
    return [...this.#carriedRows, ...[...units.values()].flatMap(outputOf)];
  }

  /** Number of calls of partitions that are waiting for another round, by ordinal. */
  get calls(): ReadonlyMap<number, number> {
    return this.#calls;
  }

  /** The last failures of partitions that are waiting for another round, by ordinal. */
  get thrown(): ReadonlyMap<number, PartitionEnd> {
    return this.#thrown;
  }

  /**
   * Whether the record continues what was already added. It does not if the server has lost its last seconds
   * since.
   */
  precede({ units }: RunRecord): boolean {
    return [...this.#taken].every(([event, endedAt]) => units.get(event)?.endedAt === endedAt);
  }

  /** Updates run one after the other, so concurrent callers do not add the same outcomes twice. */
  update(
    record: RunRecord,
    readFile: ReadFile,
    wanted: (unit: UnitRecord) => boolean = () => true,
  ): Promise<void> {
    const updated = this.#updates.then(() => this.#update(record, readFile, wanted));
    this.#updates = updated.catch(() => {});
    return updated;
  }

  async #update(record: RunRecord, readFile: ReadFile, wanted: (unit: UnitRecord) => boolean): Promise<void> {
    const { plan } = record;
    if (!this.#carriedTaken && plan !== null) {
      this.#blockOf = new Int32Array(plan.partitions);
      this.#positionOf = new Int32Array(plan.partitions);
      this.#carriedRows.push(...(await takeCarried(plan, readFile, this.#sink)));
      this.#carriedTaken = true;
    }
    const fresh = [...record.units].filter(
      ([event, unit]) => unit.end !== null && !this.#taken.has(event) && wanted(unit),
    );
    for await (const [event, unit, outcomes] of unitOutcomes(fresh, readFile)) {
      this.#taken.set(event, unit.endedAt);
      takeUnit(unit, outcomes, this.#sink);
    }
    for (const ordinal of record.skipped) {
      const end = this.#single.get(ordinal);
      if (end?.outcome.status === 'CANCELLED')
        this.#single.set(ordinal, { ...end, outcome: { ...end.outcome, status: 'SKIPPED', error: null } });
    }
    // A stopped run retries nothing.
    for (const ordinal of wasStopped(record) ? record.waiting.keys() : []) {
      const thrown = this.#thrown.get(ordinal);
      if (thrown !== undefined) this.#single.set(ordinal, thrown);
    }
  }

  readonly #sink: EndsSink = {
    has: (ordinal) => this.statusOf(ordinal) !== undefined,
    addBlock: (ends) => this.#addBlock(ends),
    addEnd: (end) => void this.#single.set(end.outcome.ordinal, end),
    addThrown: (end) => {
      const { ordinal, attempts } = end.outcome;
      this.#calls.set(ordinal, attempts);
      if (this.#thrown.has(ordinal)) this.#errors.set(ordinal, this.errorsOf(ordinal));
      this.#thrown.set(ordinal, end);
    },
    addCalls: (ordinal, calls, errors) => {
      this.#calls.set(ordinal, calls);
      if (errors.length > 0) this.#errors.set(ordinal, [...errors]);
    },
  };

  #withErrors(end: PartitionEnd): PartitionEnd {
    const { ordinal } = end.outcome;
    if (!this.#thrown.has(ordinal) && !this.#errors.has(ordinal)) return end;
    // In a stopped run, what it threw last is how it ended.
    if (this.#thrown.get(ordinal)?.outcome !== end.outcome)
      return { ...end, outcome: this.withErrors(end.outcome) };
    const errors = firstErrors(this.#errors.get(ordinal) ?? [], end.outcome.earlierErrors ?? []);
    return { ...end, outcome: { ...end.outcome, ...errorsField(errors) } };
  }

  #addBlock(ends: BlockOfEnds): void {
    const number = this.#blocks.push(ends);
    ends.block.ordinals.forEach((ordinal, position) => {
      this.#single.delete(ordinal);
      this.#blockOf[ordinal] = number;
      this.#positionOf[ordinal] = position;
    });
    this.#inBlocks += ends.block.ordinals.length;
  }
}
