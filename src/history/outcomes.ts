/**
 * How each partition of a run ended, by ordinal: what was taken over from before, what unit results say inline, and the files
 * that they name.
 */
import { carriedContent, type CarriedRecord, type MadeBy, type RowsFile } from '../core/carried';
import { decodeBlock, outcomeAt, type DoneBlock } from '../core/done-block';
import type { FileRef } from '../core/files';
import type { FinalStatus, OutcomeRecord, PartitionOutcome } from '../core/outcome';
import { decodeOrdinals } from '../core/units/ordinals';
import { givenBack } from '../core/units/retry-units';
import { attemptsBefore, ordinalsInUnit, type RunRecord, type UnitRecord } from './fold';
import { wasStopped } from './run-state';

/** Reads a file on the run's stage. Rejects unless it is the file that history names (I2, I3), see `Stage.read`. */
export type ReadFile = (ref: FileRef) => Promise<Uint8Array>;

/** A partition's end. Where id and rows are null, the partition index alone knows them. */
export type PartitionEnd = Omit<PartitionOutcome, 'id' | 'rows'> &
  MadeBy & {
    id: string | null;
    rows: number | null;
    /** Where the partition's rows are, if it returned any. */
    output: readonly RowsFile[];
  };

/** Ends of partitions that are DONE, by columns. */
export interface BlockOfEnds extends MadeBy {
  block: DoneBlock;
  output: readonly RowsFile[];
}

/** Outcome files that are read at once. */
const FILES_AT_ONCE = 16;

/**
 * The outcomes of one execution. `update` takes in what the record has gained since the last call, so following a run
 * reads each file once. Who asks for some partitions' outcomes names the units that they are in: nothing is known of others.
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
    return { ...outcomeAt(block.block, this.#positionOf[ordinal]!), execution, functionDigest, output };
  }

  statusOf(ordinal: number): FinalStatus | undefined {
    return this.#blockOf[ordinal]! > 0 ? 'DONE' : this.#single.get(ordinal)?.status;
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

  /** Whether the record goes on from what was taken in: not when the server has lost its last seconds since. */
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
    await this.#takeCarried(record, readFile);
    const fresh = [...record.units].filter(
      ([event, unit]) => unit.end !== null && !this.#taken.has(event) && wanted(unit),
    );
    for (let i = 0; i < fresh.length; i += FILES_AT_ONCE) {
      const some = fresh.slice(i, i + FILES_AT_ONCE);
      const outcomes = await Promise.all(some.map(([, unit]) => outcomesOf(unit, readFile)));
      some.forEach(([event, unit], j) => this.#take(event, unit, outcomes[j]!));
    }
    for (const ordinal of record.skipped) {
      const end = this.#single.get(ordinal);
      if (end?.status === 'CANCELLED') this.#single.set(ordinal, { ...end, status: 'SKIPPED', error: null });
    }
    // A stopped run tries nothing again.
    for (const ordinal of wasStopped(record) ? record.waiting.keys() : []) {
      const thrown = this.#thrown.get(ordinal);
      if (thrown !== undefined) this.#single.set(ordinal, thrown);
    }
  }

  async #takeCarried({ plan }: RunRecord, readFile: ReadFile): Promise<void> {
    if (this.#carriedTaken || plan === null) return;
    this.#blockOf = new Int32Array(plan.partitions);
    this.#positionOf = new Int32Array(plan.partitions);
    if (plan.carried !== null) {
      const { outcomes, blocks, rows, calls } = carriedContent(
        parseLines<CarriedRecord>(await readFile(plan.carried.file)),
      );
      this.#carriedRows.push(...rows);
      for (const { outcome, execution, functionDigest } of outcomes)
        this.#single.set(outcome.ordinal, { ...outcome, execution, functionDigest, output: rows });
      for (const block of blocks) this.#addBlock({ ...block, output: rows });
      for (const [ordinal, n] of Object.entries(calls)) this.#calls.set(Number(ordinal), n);
    }
    this.#carriedTaken = true;
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

  #take(event: number, unit: UnitRecord, outcomes: OutcomeRecord[]): void {
    this.#taken.set(event, unit.endedAt);
    const { end } = unit;
    if (end?.type === 'lost') {
      for (const ordinal of ordinalsInUnit(unit.task)) {
        // enforces I4: what lies between a unit's partitions had ended before, and goes on being what it was.
        if (this.statusOf(ordinal) === undefined) this.#single.set(ordinal, lostPartition(unit, ordinal));
      }
    }
    if (end?.type !== 'result') return;
    const { functionDigest, otherCode } = end.result;
    const others = new Map<number, string>();
    for (const other of otherCode)
      for (const ordinal of decodeOrdinals(other.ordinals)) others.set(ordinal, other.functionDigest);
    const { execution } = unit.task;
    const output = outputOf(unit);
    const again = new Set(givenBack(end.result));
    for (const outcome of outcomes) {
      if ('done' in outcome) {
        const block = decodeBlock(outcome.done);
        const digest = others.get(block.ordinals[0]!) ?? functionDigest;
        this.#addBlock({ block, execution, functionDigest: digest, output });
        continue;
      }
      const ends = again.has(outcome.ordinal) ? this.#thrown : this.#single;
      if (again.has(outcome.ordinal)) this.#calls.set(outcome.ordinal, outcome.attempts);
      ends.set(outcome.ordinal, {
        ...outcome,
        execution,
        functionDigest: others.get(outcome.ordinal) ?? functionDigest,
        output,
      });
    }
  }
}

function outputOf({ end }: UnitRecord): RowsFile[] {
  return end?.type === 'result' ? end.result.output.map((file) => ({ file, except: [] })) : [];
}

async function outcomesOf({ end }: UnitRecord, readFile: ReadFile): Promise<OutcomeRecord[]> {
  if (end?.type !== 'result') return [];
  const { outcomes } = end.result;
  return Array.isArray(outcomes) ? outcomes : parseLines<OutcomeRecord>(await readFile(outcomes));
}

/** One record a line; the last line seals those before it. */
function parseLines<T extends object>(bytes: Uint8Array): T[] {
  const records = Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T | { sha256: string });
  return records.slice(0, -1) as T[];
}

function lostPartition(unit: UnitRecord, ordinal: number): PartitionEnd {
  const end = unit.end as Extract<UnitRecord['end'], { type: 'lost' }>;
  const startedAt = unit.startedAt ?? unit.scheduledAt;
  return {
    ordinal,
    id: null,
    status: end.status,
    attempts: attemptsBefore(unit.task) + unit.attempts,
    rows: null,
    startedAt,
    durationMs: Date.parse(unit.endedAt ?? startedAt) - Date.parse(startedAt),
    preview: null,
    outputRows: 0,
    artifacts: [],
    error: end.error,
    reused: false,
    functionDigest: null,
    execution: unit.task.execution,
    output: [],
  };
}
