/**
 * How each partition of a run ended, by ordinal: what was taken over from before, what unit results say
 * inline, and the files that they name.
 */
import { outcomeAt } from '../core/done-block';
import type { RowsFile } from '../core/files';
import type { FinalStatus } from '../core/outcome';
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
 * The outcomes of one execution. `update` takes in what the record has gained since the last call, so
 * following a run reads each file once. Who asks for some partitions' outcomes names the units that they are
 * in: nothing is known of others.
 */
export class Outcomes {
  /** Ends that are objects of their own. */
  readonly #single = new Map<number, PartitionEnd>();
  readonly #blocks: BlockOfEnds[] = [];
  /** By ordinal: the number of the block that has its end, from 1, and where in it. */
  #blockOf = new Int32Array();
  #positionOf = new Int32Array();
  #inBlocks = 0;
  readonly #calls = new Map<number, number>();
  readonly #thrown = new Map<number, PartitionEnd>();
  /** When units ended that were taken in, by the event that scheduled them. */
  readonly #taken = new Map<number, string | null>();
  readonly #carriedRows: RowsFile[] = [];
  #updates: Promise<void> = Promise.resolve();
  #carriedTaken = false;

  /** How many partitions ended. */
  get size(): number {
    return this.#single.size + this.#inBlocks;
  }

  /** Undefined: the partition has not ended. */
  get(ordinal: number): PartitionEnd | undefined {
    const block = this.#blocks[this.#blockOf[ordinal]! - 1];
    if (block === undefined) return this.#single.get(ordinal);
    const { execution, functionDigest, output } = block;
    const outcome = outcomeAt(block.block, this.#positionOf[ordinal]!);
    return { outcome, execution, functionDigest, output };
  }

  statusOf(ordinal: number): FinalStatus | undefined {
    return this.#blockOf[ordinal]! > 0 ? 'DONE' : this.#single.get(ordinal)?.outcome.status;
  }

  /** The execution that recorded the partition's end. */
  executionOf(ordinal: number): number | undefined {
    return (this.#blocks[this.#blockOf[ordinal]! - 1] ?? this.#single.get(ordinal))?.execution;
  }

  /** Ends of partitions that ran by themselves, or that are not DONE, by ordinal. */
  get single(): ReadonlyMap<number, PartitionEnd> {
    return this.#single;
  }

  /** All others. */
  get blocks(): readonly BlockOfEnds[] {
    return this.#blocks;
  }

  /** All ends, each made for the caller: those of blocks come last. */
  *all(): Generator<PartitionEnd> {
    yield* this.#single.values();
    for (const { block } of this.#blocks) for (const ordinal of block.ordinals) yield this.get(ordinal)!;
  }

  /** All files of rows that functions returned, whichever units were taken in. */
  rowsFiles({ units }: RunRecord): RowsFile[] {
    return [...this.#carriedRows, ...[...units.values()].flatMap(outputOf)];
  }

  /** How often partitions were called that wait for another round, by ordinal. */
  get calls(): ReadonlyMap<number, number> {
    return this.#calls;
  }

  /** What partitions failed with that wait for another round, by ordinal. */
  get thrown(): ReadonlyMap<number, PartitionEnd> {
    return this.#thrown;
  }

  /**
   * Whether the record goes on from what was taken in: not when the server has lost its last seconds since.
   */
  precede({ units }: RunRecord): boolean {
    return [...this.#taken].every(([event, endedAt]) => units.get(event)?.endedAt === endedAt);
  }

  /** One after the other: what two who ask at the same time both lack is taken in once. */
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
    // A stopped run tries nothing again.
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
      this.#thrown.set(ordinal, end);
    },
    addCalls: (ordinal, calls) => void this.#calls.set(ordinal, calls),
  };

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
