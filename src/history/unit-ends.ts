/**
 * The ends of partitions as units and the file of outcomes taken over say them, read one unit after the
 * other.
 */
import { carriedContent, type CarriedRecord } from '../core/carried';
import { decodeBlock } from '../core/done-block';
import type { FileRef, RowsFile } from '../core/files';
import type { EndedOutcome, OutcomeRecord } from '../core/outcome';
import type { RecordedBlock, RecordedOutcome } from '../core/recorded-outcome';
import { decodeOrdinals } from '../core/units/ordinals';
import type { RunPlan } from '../core/plan';
import { givenBack } from '../core/units/retry-units';
import { attemptsBefore, ordinalsInUnit, type RunRecord, type UnitRecord } from './fold';

/**
 * Reads a file on the run's stage. Rejects unless it is the file that history names (I2, I3), see
 * `Stage.read`.
 */
export type ReadFile = (ref: FileRef) => Promise<Uint8Array>;

interface WithRows {
  /** The files that may have rows of it. */
  output: readonly RowsFile[];
}

/** A partition's end. */
export interface PartitionEnd extends RecordedOutcome<EndedOutcome>, WithRows {}

/** Ends of partitions that are DONE, by columns. */
export interface BlockOfEnds extends RecordedBlock, WithRows {}

/** Takes in the ends of partitions. */
export interface EndsSink {
  /** Whether the partition has an end already. */
  has(ordinal: number): boolean;
  addBlock(ends: BlockOfEnds): void;
  addEnd(end: PartitionEnd): void;
  /** It threw, and its unit gave it back for another try. */
  addThrown(end: PartitionEnd): void;
  /** How often executions before called a partition that they did not end. */
  addCalls(ordinal: number, calls: number): void;
}

/** Outcome files that are read at once. */
const FILES_AT_ONCE = 16;

/**
 * All ends of the record, or those that some units and what was taken over say: each file is read, taken in
 * and dropped.
 */
export async function takeEnds(
  record: RunRecord,
  readFile: ReadFile,
  sink: EndsSink,
  wanted: (unit: UnitRecord) => boolean,
): Promise<void> {
  if (record.plan === null) return;
  await takeCarried(record.plan, readFile, sink);
  const units = [...record.units].filter(([, unit]) => unit.end !== null && wanted(unit));
  for await (const [, unit, outcomes] of unitOutcomes(units, readFile)) takeUnit(unit, outcomes, sink);
}

/** Ends that the execution took over. Returns the files of their rows. */
export async function takeCarried(
  { carried }: RunPlan,
  readFile: ReadFile,
  sink: EndsSink,
): Promise<RowsFile[]> {
  if (carried === null) return [];
  const { outcomes, blocks, rows, calls } = carriedContent(
    parseLines<CarriedRecord>(await readFile(carried.file)),
  );
  for (const outcome of outcomes) sink.addEnd({ ...outcome, output: rows });
  for (const block of blocks) sink.addBlock({ ...block, output: rows });
  for (const [ordinal, n] of Object.entries(calls)) sink.addCalls(Number(ordinal), n);
  return rows;
}

/** What units recorded, in the order of the units. */
export async function* unitOutcomes(
  units: readonly (readonly [event: number, unit: UnitRecord])[],
  readFile: ReadFile,
): AsyncGenerator<[event: number, unit: UnitRecord, outcomes: OutcomeRecord[]]> {
  for (let i = 0; i < units.length; i += FILES_AT_ONCE) {
    const some = units.slice(i, i + FILES_AT_ONCE);
    const outcomes = await Promise.all(some.map(([, unit]) => outcomesOf(unit, readFile)));
    for (const [j, [event, unit]] of some.entries()) yield [event, unit, outcomes[j]!];
  }
}

export function takeUnit(unit: UnitRecord, outcomes: readonly OutcomeRecord[], sink: EndsSink): void {
  const { end } = unit;
  if (end?.type === 'lost') {
    for (const ordinal of ordinalsInUnit(unit.task)) {
      // enforces I4: what lies between a unit's partitions had ended before, and goes on being what it was.
      if (!sink.has(ordinal)) sink.addEnd(lostPartition(unit, ordinal));
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
      sink.addBlock({ block, execution, functionDigest: digest, output });
      continue;
    }
    const { ordinal } = outcome;
    const digest = others.get(ordinal) ?? functionDigest;
    const recorded = { outcome, execution, functionDigest: digest, output };
    if (again.has(ordinal)) sink.addThrown(recorded);
    else sink.addEnd(recorded);
  }
}

/** Files of the rows that functions returned. */
export function outputOf({ end }: UnitRecord): RowsFile[] {
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
  const outcome: EndedOutcome = {
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
  };
  return { outcome, execution: unit.task.execution, functionDigest: null, output: [] };
}
