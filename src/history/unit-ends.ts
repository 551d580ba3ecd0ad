/**
 * Reads the ends of partitions from unit results and from the file of outcomes taken over, one unit after the
 * other.
 */
import { carriedContent, type CarriedRecord } from '../core/carried';
import { decodeBlock } from '../core/done-block';
import type { EarlierError } from '../core/earlier-errors';
import type { FileRef, RowsFile } from '../core/files';
import type { EndedOutcome, OutcomeRecord } from '../core/outcome';
import type { RecordedBlock, RecordedOutcome } from '../core/recorded-outcome';
import { decodeOrdinals } from '../core/units/ordinals';
import type { RunPlan } from '../core/plan';
import { givenBack } from '../core/units/retry-units';
import { attemptsBefore, ordinalsInUnit, type RunRecord, type UnitRecord } from './fold';

/**
 * Reads a file on the run's stage. Rejects if it is not the file that history names (I2, I3), see
 * `Stage.read`.
 */
export type ReadFile = (ref: FileRef) => Promise<Uint8Array>;

interface OfUnit {
  /** The files that may have rows of it. */
  output: readonly RowsFile[];
  /** Null for one that was taken over. */
  unit: UnitRecord | null;
}

/** A partition's end. */
export interface PartitionEnd extends RecordedOutcome<EndedOutcome>, OfUnit {}

/** Ends of DONE partitions, stored by column. */
export interface BlockOfEnds extends RecordedBlock, OfUnit {}

/** Receives the ends of partitions. */
export interface EndsSink {
  /** Whether the partition already has an end. */
  has(ordinal: number): boolean;
  addBlock(ends: BlockOfEnds): void;
  addEnd(end: PartitionEnd): void;
  /** The partition threw, and its unit gave it back for a retry. */
  addThrown(end: PartitionEnd): void;
  /** Number of calls in earlier executions of a partition that did not end there, and their errors. */
  addCalls(ordinal: number, calls: number, errors: readonly EarlierError[]): void;
}

/** Number of outcome files read in parallel. */
const FILES_AT_ONCE = 16;

/**
 * Passes the ends taken over and those of the `wanted` units to `sink`: each file is read, passed on and
 * dropped.
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

/** Passes on the ends that the execution took over. Returns the files with their rows. */
export async function takeCarried(
  { carried }: RunPlan,
  readFile: ReadFile,
  sink: EndsSink,
): Promise<RowsFile[]> {
  if (carried === null) return [];
  const { outcomes, blocks, rows, calls, earlierErrors } = carriedContent(
    parseLines<CarriedRecord>(await readFile(carried.file)),
  );
  for (const outcome of outcomes) sink.addEnd({ ...outcome, output: rows, unit: null });
  for (const block of blocks) sink.addBlock({ ...block, output: rows, unit: null });
  for (const [ordinal, n] of Object.entries(calls))
    sink.addCalls(Number(ordinal), n, earlierErrors[Number(ordinal)] ?? []);
  return rows;
}

/** The outcomes that units recorded, in the order of the units. */
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
      // enforces I4: partitions between the unit's own had already ended, and keep their ends.
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
      sink.addBlock({ block, execution, functionDigest: digest, output, unit });
      continue;
    }
    const { ordinal } = outcome;
    const digest = others.get(ordinal) ?? functionDigest;
    const recorded = { outcome, execution, functionDigest: digest, output, unit };
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

/** One record per line; the last line is a seal over the others. */
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
  return { outcome, execution: unit.task.execution, functionDigest: null, output: [], unit };
}
