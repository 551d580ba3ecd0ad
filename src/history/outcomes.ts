/**
 * How each partition of a run ended, by ordinal: what was taken over from before, what unit results say inline, and the files
 * that they name.
 */
import { createHash } from 'node:crypto';
import { carriedContent, type CarriedRecord, type RowsFile } from '../run/carried';
import type { FileRef } from '../run/files';
import type { PartitionOutcome } from '../run/outcome';
import { decodeOrdinals } from '../run/ordinals';
import { givenBack } from '../run/retry-units';
import { callsBefore, ordinalsOf, type RunRecord, type UnitRecord } from './fold';
import { wasStopped } from './run-state';

/** Reads a file on the run's stage. */
export type ReadFile = (ref: FileRef) => Promise<Uint8Array>;

/** A partition's end. Of one that was lost with its unit, the id and rows are known to the partition index alone. */
export type PartitionEnd = Omit<PartitionOutcome, 'id' | 'rows'> & {
  id: string | null;
  rows: number | null;
  /** sha256 of the function bundle that ran; null when the end is the server's word. */
  functionDigest: string | null;
  /** The execution of the run that recorded it. */
  execution: number;
  /** Where the partition's rows are, if it returned any. */
  output: readonly RowsFile[];
};

/** Outcome files that are read at once. */
const FILES_AT_ONCE = 16;

/**
 * The outcomes of one execution. `update` takes in what the record has gained since the last call, so following a run
 * reads each file once.
 */
export class Outcomes {
  readonly #ends = new Map<number, PartitionEnd>();
  readonly #calls = new Map<number, number>();
  readonly #thrown = new Map<number, PartitionEnd>();
  /** When units ended that were taken in, by the event that scheduled them. */
  readonly #taken = new Map<number, string | null>();
  readonly #rowsFiles: RowsFile[] = [];
  #carriedTaken = false;

  /** Partitions that ended, by ordinal. */
  get ends(): ReadonlyMap<number, PartitionEnd> {
    return this.#ends;
  }

  /** All files of rows that functions returned. */
  get rowsFiles(): readonly RowsFile[] {
    return this.#rowsFiles;
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

  async update(record: RunRecord, readFile: ReadFile): Promise<void> {
    await this.#takeCarried(record, readFile);
    const fresh = [...record.units].filter(([event, unit]) => unit.end !== null && !this.#taken.has(event));
    for (let i = 0; i < fresh.length; i += FILES_AT_ONCE) {
      const some = fresh.slice(i, i + FILES_AT_ONCE);
      const outcomes = await Promise.all(some.map(([, unit]) => outcomesOf(unit, readFile)));
      some.forEach(([event, unit], j) => this.#take(event, unit, outcomes[j]!));
    }
    for (const ordinal of record.skipped) {
      const end = this.#ends.get(ordinal);
      if (end?.status === 'CANCELLED') this.#ends.set(ordinal, { ...end, status: 'SKIPPED', error: null });
    }
    // A stopped run tries nothing again.
    for (const ordinal of wasStopped(record) ? record.waiting.keys() : [])
      this.#ends.set(ordinal, this.#thrown.get(ordinal)!);
  }

  async #takeCarried({ plan }: RunRecord, readFile: ReadFile): Promise<void> {
    if (this.#carriedTaken || plan === null) return;
    if (plan.carried !== null) {
      const { outcomes, rows, calls } = carriedContent(
        parseLines<CarriedRecord>(await checkedFile(plan.carried.file, readFile)),
      );
      this.#rowsFiles.push(...rows);
      for (const { outcome, execution, functionDigest } of outcomes)
        this.#ends.set(outcome.ordinal, { ...outcome, execution, functionDigest, output: rows });
      for (const [ordinal, n] of Object.entries(calls)) this.#calls.set(Number(ordinal), n);
    }
    this.#carriedTaken = true;
  }

  #take(event: number, unit: UnitRecord, outcomes: PartitionOutcome[]): void {
    this.#taken.set(event, unit.endedAt);
    const { end } = unit;
    if (end?.type === 'lost') {
      for (const ordinal of ordinalsOf(unit.task)) {
        // enforces I4: what lies between a unit's partitions had ended before, and goes on being what it was.
        if (!this.#ends.has(ordinal)) this.#ends.set(ordinal, lostPartition(unit, ordinal));
      }
    }
    if (end?.type !== 'result') return;
    const { functionDigest, otherCode } = end.result;
    const others = new Map<number, string>();
    for (const other of otherCode)
      for (const ordinal of decodeOrdinals(other.ordinals)) others.set(ordinal, other.functionDigest);
    const { execution } = unit.task;
    const output = end.result.output.map((file) => ({ file, except: [] }));
    this.#rowsFiles.push(...output);
    const again = new Set(givenBack(end.result));
    for (const outcome of outcomes) {
      const ends = again.has(outcome.ordinal) ? this.#thrown : this.#ends;
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

async function outcomesOf({ end }: UnitRecord, readFile: ReadFile): Promise<PartitionOutcome[]> {
  if (end?.type !== 'result') return [];
  const { outcomes } = end.result;
  return Array.isArray(outcomes)
    ? outcomes
    : parseLines<PartitionOutcome>(await checkedFile(outcomes, readFile));
}

/** enforces I2, I3: a file counts only when it is the one that history names. */
async function checkedFile(ref: FileRef, readFile: ReadFile): Promise<Uint8Array> {
  const bytes = await readFile(ref);
  if (createHash('sha256').update(bytes).digest('hex') === ref.sha256) return bytes;
  throw new Error(
    `"${ref.path}" on the stage is not the file that the run recorded (its sha256 differs): it was changed after it was written.`,
  );
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
    attempts: callsBefore(unit.task) + unit.attempts,
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
