/** All partitions of a run together: as columns, and failures in groups. */
import { failed } from '../../core/status';
import { FailuresOfEnds, type FailureGroup } from '../../history/failure-groups';
import type { RunPlan } from '../../core/plan';
import type { RunRecord, UnitRecord } from '../../history/fold';
import { ColumnsOfEnds, type PartitionColumns } from '../../history/partition-columns';
import { wasStopped } from '../../history/run-state';
import {
  takeCarried,
  takeUnit,
  unitOutcomes,
  type BlockOfEnds,
  type EndsSink,
  type PartitionEnd,
} from '../../history/unit-ends';
import type { Reading, RunReader } from '../run-reader';
import type { WholeRun } from '../types';

export async function partitionColumns(
  reader: RunReader,
  { record, overlay }: Reading,
  range: { from?: number; to?: number },
): Promise<PartitionColumns> {
  const { plan } = record;
  const total = plan?.partitions ?? 0;
  const { from = 0, to = total } = range;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > total) {
    throw new RangeError(
      `There are no partitions from ${from} to ${to}: the run "${reader.runId}" has ${total}. Both must be whole numbers, with 0 ≤ from ≤ to ≤ ${total}.`,
    );
  }
  const columns = new ColumnsOfEnds(record, { from, to });
  if (plan === null || from === to) return columns.finish(overlay, new Float64Array()).columns;
  await reader.takeEnds(record, columns, ({ task }) => task.from < to && task.to >= from);
  const rows = await reader.index(record, plan).rows(from, to);
  return columns.finish(overlay, rows).columns;
}

export async function failureGroups(reader: RunReader, reading: Reading): Promise<FailureGroup[]> {
  const { record } = reading;
  if (record.plan === null) return [];
  const failures = new FailuresOfEnds(record);
  const stopped = wasStopped(record);
  await reader.takeEnds(record, failures, (unit) => mayHaveFailures(unit, stopped));
  return finishGroups(reader, reading, failures);
}

/**
 * Both, with each file read once. One that is kept while a run is followed reads only the files of units that
 * have ended since.
 */
export class WholeRunReader {
  #of: Collected | null = null;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(private readonly reader: RunReader) {}

  /** One after the other: two at once would take the same ends twice. */
  read(reading: Reading): Promise<WholeRun> {
    const whole = this.#reading.then(() => this.#read(reading));
    this.#reading = whole.catch(() => {
      // What was taken only in part is read anew.
      this.#of = null;
    });
    return whole;
  }

  async #read(reading: Reading): Promise<WholeRun> {
    const { reader } = this;
    const { record, overlay } = reading;
    const { plan } = record;
    if (plan === null)
      return { columns: await partitionColumns(reader, reading, {}), failures: [], changed: [] };
    const of = this.#continued(record) ?? (await this.#begin(record, plan));
    const ended = [...record.units].filter(([event, { end }]) => end !== null && !of.taken.has(event));
    for await (const [event, unit, outcomes] of unitOutcomes(ended, reader.fileReader(record))) {
      of.taken.set(event, unit.endedAt);
      takeUnit(unit, outcomes, of.sink);
    }
    return {
      ...of.columns.finish(overlay, of.rows),
      failures: await finishGroups(reader, reading, of.failures),
    };
  }

  /**
   * What was collected before, if the record continues it. It does not if the server has lost its last
   * seconds since; and what a stopped run gave back has failed, though it had not when it was taken.
   */
  #continued(record: RunRecord): Collected | null {
    const of = this.#of;
    if (of === null || of.record !== record || wasStopped(record)) return null;
    for (const [event, endedAt] of of.taken) if (record.units.get(event)?.endedAt !== endedAt) return null;
    return of;
  }

  async #begin(record: RunRecord, plan: RunPlan): Promise<Collected> {
    const { reader } = this;
    const columns = new ColumnsOfEnds(record, { from: 0, to: plan.partitions });
    const failures = new FailuresOfEnds(record);
    const sink = new BothSinks(columns, failures);
    await takeCarried(plan, reader.fileReader(record), sink);
    const rows = await reader.index(record, plan).rows(0, plan.partitions);
    this.#of = { record, columns, failures, sink, rows, taken: new Map() };
    return this.#of;
  }
}

interface Collected {
  record: RunRecord;
  columns: ColumnsOfEnds;
  failures: FailuresOfEnds;
  sink: EndsSink;
  rows: Float64Array;
  /** End times of the units whose ends were taken, by the event that scheduled them. */
  taken: Map<number, string | null>;
}

/** Passes everything to two sinks, which know of the same ends. */
class BothSinks implements EndsSink {
  constructor(
    private readonly first: EndsSink,
    private readonly second: EndsSink,
  ) {}

  has(ordinal: number): boolean {
    return this.first.has(ordinal);
  }

  addBlock(ends: BlockOfEnds): void {
    this.first.addBlock(ends);
    this.second.addBlock(ends);
  }

  addEnd(end: PartitionEnd): void {
    this.first.addEnd(end);
    this.second.addEnd(end);
  }

  addThrown(end: PartitionEnd): void {
    this.first.addThrown(end);
    this.second.addThrown(end);
  }

  addCalls(...calls: Parameters<EndsSink['addCalls']>): void {
    this.first.addCalls(...calls);
    this.second.addCalls(...calls);
  }
}

/** Adds ids to the examples that lack them. */
async function finishGroups(
  reader: RunReader,
  { record, overlay }: Reading,
  failures: FailuresOfEnds,
): Promise<FailureGroup[]> {
  const groups = failures.finish(overlay);
  const unnamed = groups.flatMap(({ examples }) => examples.filter(({ id }) => id === null));
  if (unnamed.length > 0) {
    const index = reader.index(record, record.plan!);
    const ids = await index.idsOf(unnamed.map(({ ordinal }) => ordinal));
    for (const example of unnamed) example.id = ids.get(example.ordinal)!;
  }
  return groups as FailureGroup[];
}

/** `stopped`: partitions that were given back for a retry have failed, because there is none. */
function mayHaveFailures({ end }: UnitRecord, stopped: boolean): boolean {
  if (end?.type !== 'result') return true;
  const { counts, retry, big } = end.result;
  return failed(counts) > 0 || (stopped && (retry ?? big) !== null);
}
