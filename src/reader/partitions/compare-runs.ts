/** Reads two runs and compares them, joined by partition id. */
import { isDeepStrictEqual } from 'node:util';
import type { RunPlan } from '../../core/plan';
import { isSameRuntime, type Runtime } from '../../core/runtime';
import type { UnitPlan } from '../../core/unit-plan';
import { PARTITION_STATUSES, type PartitionStatus } from '../../core/status';
import {
  compareColumns,
  DIFFERENCE_CAUSES,
  namesOf,
  PARTITION_DIFFERENCES,
  type ComparedColumns,
  type ComparedSide,
  type JoinedPartitions,
} from '../../history/compare-runs';
import { ColumnsOfEnds } from '../../history/partition-columns';
import type { BlockOfEnds, EndsSink, PartitionEnd } from '../../history/unit-ends';
import { joinIndexes } from '../../rows/partition-index';
import type { Stage } from '../../stage';
import { loadUnitPlan } from '../../stored/unit-plan';
import { CannotCompare } from '../errors';
import type { Reading, RunReader } from '../run-reader';
import type { ComparedPartitionView, ComparedRun, RunComparison } from '../comparison-types';

/** A run with what is needed to compare it. */
interface Side {
  reader: RunReader;
  reading: Reading;
  stage: Stage;
  plan: RunPlan;
  unitPlan: UnitPlan;
}

export async function compareRuns(
  a: RunReader,
  b: RunReader,
  { examples }: { examples: number },
): Promise<RunComparison> {
  const [from, to] = await Promise.all([sideOf(a), sideOf(b)]);
  const keys = ({ unitPlan }: Side): string => unitPlan.keyColumns.map(({ name }) => name).join(', ');
  if (keys(from) !== keys(to)) {
    throw new CannotCompare(
      `The runs "${a.runId}" and "${b.runId}" are partitioned by different columns (${keys(from)} and ${keys(to)}), so their partitions cannot be compared.`,
    );
  }
  const known = new Numbers();
  const [columnsA, columnsB] = [await columnsOf(from, known), await columnsOf(to, known)];
  const joined = await join(from, to);
  const compared = compareColumns(columnsA, columnsB, joined, {
    paramsChanged: !isDeepStrictEqual(paramsOf(from), paramsOf(to)),
    columnsChanged: !isDeepStrictEqual(columnTypes(from), columnTypes(to)),
  });
  const views = viewsOf(compared, columnsA, columnsB);
  const listed = Array.from(compared.order.subarray(0, examples), views);
  const slowed = compared.durationsChanged.map(views);
  await addIds([...listed, ...slowed], from, to);
  const { transitions, differences, causes, changed, columns, order, durationRatios } = compared;
  const { gone, new: added } = differences;
  return {
    a: comparedRun(from),
    b: comparedRun(to),
    inBoth: joined.a.length - gone - added,
    transitions,
    differences,
    causes,
    changed,
    rowsCompared: joined.changed !== null,
    durationRatios,
    columns,
    order,
    examples: listed,
    durationsChanged: slowed,
  };
}

async function sideOf(reader: RunReader): Promise<Side> {
  const reading = await reader.read();
  const { plan } = reading.record;
  if (plan === null) {
    throw new CannotCompare(
      `The run "${reader.runId}" has not been planned, so it has no partitions to compare.`,
    );
  }
  const stage = reader.stage(reading.record)!;
  return { reader, reading, stage, plan, unitPlan: await loadUnitPlan(stage, plan.unitPlan) };
}

async function columnsOf({ reader, reading, plan }: Side, known: Numbers): Promise<ComparedSide> {
  const { record, overlay, state } = reading;
  const sink = new MadeByOfEnds(
    new ColumnsOfEnds(record, { from: 0, to: plan.partitions }),
    plan.partitions,
    state.runtime,
    known,
  );
  await reader.takeEnds(record, sink, () => true);
  const rows = await reader.index(record, plan).rows(0, plan.partitions);
  const { columns } = sink.columns.finish(overlay, rows);
  return { columns, code: sink.code, runtime: sink.runtime };
}

/** Also collects which code made the outcomes, and what it ran on. */
class MadeByOfEnds implements EndsSink {
  readonly code: Int32Array;
  readonly runtime: Int32Array;

  constructor(
    readonly columns: ColumnsOfEnds,
    partitions: number,
    private readonly runtimeOfRun: Runtime | null,
    private readonly known: Numbers,
  ) {
    this.code = new Int32Array(partitions);
    this.runtime = new Int32Array(partitions);
  }

  has(ordinal: number): boolean {
    return this.columns.has(ordinal);
  }

  addBlock(ends: BlockOfEnds): void {
    this.columns.addBlock(ends);
    const code = this.known.code(ends.functionDigest);
    const runtime = this.known.runtime(this.runtimeOfRun);
    for (const ordinal of ends.block.ordinals) {
      this.code[ordinal] = code;
      this.runtime[ordinal] = runtime;
    }
  }

  addEnd(end: PartitionEnd): void {
    this.columns.addEnd(end);
    this.#made(end);
  }

  addThrown(end: PartitionEnd): void {
    this.columns.addThrown(end);
    this.#made(end);
  }

  addCalls(ordinal: number, calls: number): void {
    this.columns.addCalls(ordinal, calls);
  }

  #made({ outcome: { ordinal }, functionDigest, runtime }: PartitionEnd): void {
    this.code[ordinal] = this.known.code(functionDigest);
    this.runtime[ordinal] = this.known.runtime(runtime ?? this.runtimeOfRun);
  }
}

/** Numbers that stand for code and runtimes in both runs; 0: none. */
class Numbers {
  readonly #digests: string[] = [];
  readonly #runtimes: Runtime[] = [];

  code(digest: string | null): number {
    if (digest === null) return 0;
    const at = this.#digests.indexOf(digest);
    return at < 0 ? this.#digests.push(digest) : at + 1;
  }

  runtime(runtime: Runtime | null): number {
    if (runtime === null) return 0;
    const at = this.#runtimes.findIndex((each) => isSameRuntime(each, runtime));
    return at < 0 ? this.#runtimes.push(runtime) : at + 1;
  }
}

/** Runs with one snapshot have the same rows; otherwise fingerprints decide, if both runs have them. */
async function join(a: Side, b: Side): Promise<JoinedPartitions> {
  if (a.plan.index.sha256 === b.plan.index.sha256 && a.plan.index.path === b.plan.index.path) {
    const all = Int32Array.from({ length: a.plan.partitions }, (_, ordinal) => ordinal);
    return { a: all, b: all, changed: new Uint8Array(all.length) };
  }
  const [indexA, indexB] = [await a.stage.localFile(a.plan.index), await b.stage.localFile(b.plan.index)];
  const { changed, ...joined } = await joinIndexes(indexA, indexB);
  // Each kind of warehouse computes them in its own way.
  const kind = ({ unitPlan }: Side): string => unitPlan.warehouse.split(':', 1)[0]!;
  return { ...joined, changed: kind(a) === kind(b) ? changed : null };
}

/** What a function is given besides its rows. */
function paramsOf({ unitPlan: { params, model, models } }: Side): unknown {
  return [params, model ?? null, models?.root.sha256 ?? null];
}

/** Files as partitions have their own columns, which their fingerprints cover. */
function columnTypes({ unitPlan: { columns, files } }: Side): unknown {
  return files === null ? columns.map(({ name, type }) => [name, type]) : null;
}

function comparedRun({ reader, reading: { record, state }, plan }: Side): ComparedRun {
  return {
    runId: reader.runId,
    workflowRunId: record.workflowRunId,
    execution: plan.execution,
    status: state.status,
    partitions: plan.partitions,
    startedAt: state.startedAt,
    function: state.function,
  };
}

/** A view of the partition at a position, without its id. */
function viewsOf(
  { columns }: ComparedColumns,
  a: ComparedSide,
  b: ComparedSide,
): (at: number) => ComparedPartitionView {
  const view = ({ columns: side }: ComparedSide, ordinal: number): ComparedPartitionView['a'] =>
    ordinal < 0
      ? null
      : {
          ordinal,
          status: statusAt(side.status[ordinal]!),
          rows: side.rows[ordinal]!,
          returnedRows: side.returnedRows[ordinal]!,
          durationMs: Number.isNaN(side.durationMs[ordinal]!) ? null : side.durationMs[ordinal]!,
        };
  return (at) => ({
    id: '',
    a: view(a, columns.a[at]!),
    b: view(b, columns.b[at]!),
    differences: namesOf(PARTITION_DIFFERENCES, columns.differences[at]!),
    causes: namesOf(DIFFERENCE_CAUSES, columns.causes[at]!),
  });
}

function statusAt(position: number): PartitionStatus {
  return PARTITION_STATUSES[position]!;
}

async function addIds(views: readonly ComparedPartitionView[], a: Side, b: Side): Promise<void> {
  for (const [side, name] of [
    [a, 'a'],
    [b, 'b'],
  ] as const) {
    const wanted = views.filter((view) => view.id === '' && view[name] !== null);
    if (wanted.length === 0) continue;
    const index = side.reader.index(side.reading.record, side.plan);
    const ids = await index.ids(wanted.map((view) => view[name]!.ordinal));
    wanted.forEach((view, i) => (view.id = ids[i]!));
  }
}
