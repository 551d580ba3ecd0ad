/**
 * All partitions of a run together: as columns, and failures in groups. Nothing is kept except the returned
 * values.
 */
import { failed } from '../../core/status';
import { FailuresOfEnds, type FailureGroup } from '../../history/failure-groups';
import type { UnitRecord } from '../../history/fold';
import { ColumnsOfEnds, type PartitionColumns } from '../../history/partition-columns';
import { wasStopped } from '../../history/run-state';
import type { BlockOfEnds, EndsSink, PartitionEnd } from '../../history/unit-ends';
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
  if (plan === null || from === to) return columns.finish(overlay, new Float64Array());
  await reader.takeEnds(record, columns, ({ task }) => task.from < to && task.to >= from);
  const rows = await (await reader.index(record, plan)).rows(from, to);
  return columns.finish(overlay, rows);
}

export async function failureGroups(reader: RunReader, reading: Reading): Promise<FailureGroup[]> {
  const { record } = reading;
  if (record.plan === null) return [];
  const failures = new FailuresOfEnds(record);
  const stopped = wasStopped(record);
  await reader.takeEnds(record, failures, (unit) => mayHaveFailures(unit, stopped));
  return finishGroups(reader, reading, failures);
}

/** Both, with each file read once. */
export async function wholeRun(reader: RunReader, reading: Reading): Promise<WholeRun> {
  const { record, overlay } = reading;
  const { plan } = record;
  if (plan === null) return { columns: await partitionColumns(reader, reading, {}), failures: [] };
  const columns = new ColumnsOfEnds(record, { from: 0, to: plan.partitions });
  const failures = new FailuresOfEnds(record);
  await reader.takeEnds(record, new BothSinks(columns, failures), () => true);
  const rows = await (await reader.index(record, plan)).rows(0, plan.partitions);
  return {
    columns: columns.finish(overlay, rows),
    failures: await finishGroups(reader, reading, failures),
  };
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
  const index = unnamed.length === 0 ? null : await reader.index(record, record.plan!);
  const ids = await index?.idsOf(unnamed.map(({ ordinal }) => ordinal));
  return groups.map((group) => ({
    ...group,
    examples: group.examples.map((each) => ({ ...each, id: each.id ?? ids!.get(each.ordinal)! })),
  }));
}

/** `stopped`: partitions that were given back for a retry have failed, because there is none. */
function mayHaveFailures({ end }: UnitRecord, stopped: boolean): boolean {
  if (end?.type !== 'result') return true;
  const { counts, retry, big } = end.result;
  return failed(counts) > 0 || (stopped && (retry ?? big) !== null);
}
