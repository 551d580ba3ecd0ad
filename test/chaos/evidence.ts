/** What the checks compare, read once, and how. */
import type { PartitionView } from '../../src/index';
import type { PartitionEnd } from '../../src/history/unit-ends';
import { RunReader, type Reading } from '../../src/reader/run-reader';
import { ServerRun } from '../../src/reader/run-source';
import type { CallEvent } from './calls';
import type { Driven } from './drive';
import type { World } from './world';

/** Everything that the checks use, read once. */
export interface Evidence {
  world: World;
  driven: Driven;
  /** One per execution, oldest first. */
  readings: Reading[];
  /** Ends in the last execution, by partition id. */
  ends: Map<string, PartitionEnd>;
  partitions: Map<string, PartitionView>;
  calls: readonly CallEvent[];
}

export async function gather(world: World, driven: Driven): Promise<Evidence> {
  const readings: Reading[] = [];
  let ends = new Map<string, PartitionEnd>();
  for (const { workflowRunId } of driven.executions) {
    const reader = new RunReader(new ServerRun(world.client, world.runId, workflowRunId));
    const reading = await reader.read();
    readings.push(reading);
    if (workflowRunId !== driven.executions.at(-1)!.workflowRunId) continue;
    const outcomes = await reader.outcomes(reading.record);
    const views = (await reader.views(reading))!;
    ends = new Map();
    for (const end of outcomes.all()) ends.set(await views.id(end.outcome.ordinal), end);
  }
  const partitions = new Map<string, PartitionView>();
  for (let after: string | null = null, first = true; first || after !== null; first = false) {
    const page = await world.partwise
      .getRun(world.runId)
      .partitions({ limit: 1000, ...(after !== null && { after }) });
    for (const partition of page.partitions) partitions.set(partition.id, partition);
    after = page.next;
  }
  return { world, driven, readings, ends, partitions, calls: world.calls.read() };
}

export function hasPlanned({ record }: Reading): boolean {
  return record.plan !== null;
}

export function equal(what: string, found: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what[0]!.toUpperCase()}${what.slice(1)}: ${a}, and it should be ${b}.`);
}

export function sameLines(what: string, found: readonly string[], expected: readonly string[]): void {
  const left = new Map<string, number>();
  for (const each of found) left.set(each, (left.get(each) ?? 0) + 1);
  for (const each of expected) left.set(each, (left.get(each) ?? 0) - 1);
  const differing = [...left].filter(([, n]) => n !== 0);
  if (differing.length === 0) return;
  const examples = differing
    .slice(0, 5)
    .map(([each, n]) => `${each} ${n > 0 ? `${n} too many` : `${-n} missing`}`);
  throw new Error(`${what} differ in ${differing.length} rows: ${examples.join('; ')}.`);
}
