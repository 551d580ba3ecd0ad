/**
 * Makes what runners report durable: artifacts, rows, checkpoints and logs of one attempt of a unit.
 */
import { join } from 'node:path';
import type { Context } from '@temporalio/activity';
import { artifactRefs, withEarlierErrors, type DoneBlock } from '../../core/done-block';
import { errorsField } from '../../core/earlier-errors';
import type { FileRef } from '../../core/files';
import type { ErrorInfo, PartitionOutcome } from '../../core/outcome';
import type { Column } from '../../core/plan';
import type { ModelPlan } from '../../core/unit-plan';
import { artifactFile, partitionFolder } from '../../stored/layout';
import type { CallResult, LogLine, RunnerSegment } from '../../runners/protocol';
import { ObjectExists, type Stage } from '../../stage';
import { mergeRows } from '../../rows/combined-rows';
import type { IndexEntry } from '../../rows/partition-index';
import { asScratchFull, assertRoom } from '../../runners/scratch-room';
import { putCheckpoint, type CheckpointOutcome, type Recorded } from '../../stored/checkpoints';
import {
  downloadArtifact,
  type DownloadedArtifact,
  type DownloadRequest,
} from '../../reader/partitions/download';
import { fetchModel } from '../../models/fetch-model';
import type { Heartbeats, UnitBeat } from './heartbeat';
import type { UnitBudget } from './unit-budget';
import { UnitErrors } from './unit-errors';
import { LineSink } from '../../stored/numbered-objects';
import { putAgain, type StageWait } from './stage-wait';
import type { ModelFile } from '../../models/types';
import type { LostCall, RunningSession, UnitHandlers, UploadRequest } from '../../runners/unit-run-types';

const LOG_EVERY_MS = 1_000;
/** Maximum number of errors per attempt that keep their stack. */
const MAX_STACKS = 1_000;
/** Maximum log size per attempt of a unit. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;

interface RecorderOptions {
  context: Context;
  stage: Stage;
  wait: StageWait;
  /** The attempt's folder on the stage. */
  folder: string;
  heartbeats: Heartbeats;
  /** Errors of calls in previous attempts, from their heartbeats. */
  errors: UnitBeat['errors'];
  /** What previous attempts recorded; this attempt adds to it. */
  recorded: Recorded;
  keyColumns: readonly Column[];
  budget: UnitBudget;
  scratch: string;
  /** sha256 of the function bundle that this attempt runs. */
  functionDigest: string;
  /** The models that the run predicts with. */
  models: ModelPlan | null;
}

export class UnitRecorder implements UnitHandlers {
  readonly recorded: Recorded;
  /** The stage for results: puts wait until it answers. */
  readonly #results: Pick<Stage, 'put'>;
  readonly #log: LineSink;
  readonly #errors: UnitErrors;
  #segments = 0;
  #checkpoints = 0;
  #stacks = 0;
  #session: RunningSession | null = null;
  #progress: { ordinal: number; progress: unknown } | null = null;

  constructor(private readonly options: RecorderOptions) {
    const { stage, folder, context, recorded, wait, errors } = options;
    this.recorded = recorded;
    this.#errors = new UnitErrors(errors);
    const patient: Pick<Stage, 'put'> = {
      put: (path, content) => wait.put(stage, path, content),
    };
    this.#results = patient;
    this.#log = new LineSink({
      stage: patient,
      folder: `${folder}logs/`,
      everyMs: LOG_EVERY_MS,
      maxBytes: MAX_LOG_BYTES,
      onError: (error) => context.log.warn('A log segment could not be written.', { error }),
    });
  }

  /** Calls no further functions until everything that has ended is on the stage. */
  holdCalls(): void {
    this.#session?.holdCalls();
  }

  /** The running call, for heartbeats. */
  get beat(): Pick<UnitBeat, 'ordinal' | 'call' | 'progress'> {
    const call = this.#session?.running() ?? null;
    if (call === null) return { ordinal: null, call: null, progress: undefined };
    const { ordinal, attempt } = call;
    const progress = this.#progress?.ordinal === ordinal ? this.#progress.progress : undefined;
    return { ordinal, call: attempt, progress };
  }

  onSession(session: RunningSession | null): void {
    this.#session = session;
  }

  waitedSince(then: number): number {
    return this.options.wait.waitedSince(then);
  }

  onLoss({ ordinal, attempt, error }: LostCall & { error: ErrorInfo }, types: readonly string[]): void {
    const { budget, heartbeats } = this.options;
    this.#errors.add(ordinal, attempt, error);
    heartbeats.update(this.#errors.beat(this.recorded.ordinals));
    // In a batch, other units retry the partitions that threw, each with a clean slate.
    if (budget.isOwnActivity) heartbeats.update({ losses: budget.withLosses(types) });
  }

  onInterrupted(calls: Iterable<readonly [number, number]>): void {
    const { budget, heartbeats } = this.options;
    if (!budget.isOwnActivity) heartbeats.update({ interrupted: budget.withInterrupted(calls) });
  }

  onHeartbeat(ordinal: number, progress: unknown): void {
    this.#progress = { ordinal, progress };
  }

  onLog(lines: readonly LogLine[]): void {
    this.#log.add(lines);
  }

  async onUpload({ ordinal, partitionId, name, file, attempt }: UploadRequest): Promise<FileRef> {
    const partition = partitionFolder(ordinal, partitionId);
    // A partition that is called again within this attempt writes to a folder next to that of its first call.
    const folder = attempt === 1 ? partition : `${partition.slice(0, -1)}.${attempt}/`;
    try {
      const path = `${this.options.folder}${folder}${artifactFile(name)}`;
      return await this.options.wait.ofCall(putAgain(this.options.stage, path, { file }));
    } catch (error) {
      if (!(error instanceof ObjectExists)) throw error;
      throw new Error(`The artifact "${name}" was uploaded twice; give the second one another name.`);
    }
  }

  /** Partitions that were cut off although the run was not cancelled: another attempt runs them. */
  readonly handedBack: number[] = [];

  async onSegment({ done, outcomes: ended, rows, pack }: RunnerSegment): Promise<void> {
    const { folder, heartbeats, context, functionDigest } = this.options;
    const cancelled = context.cancellationDetails?.cancelRequested === true;
    const counting = ended.filter(({ outcome }) => cancelled || outcome.status !== 'CANCELLED');
    for (const { outcome } of ended) {
      if (!cancelled && outcome.status === 'CANCELLED') this.handedBack.push(outcome.ordinal);
    }
    if (counting.length === 0 && done === null) return;
    const segment = ++this.#segments;
    const [rowsFile, packFile] = await Promise.all([
      rows === null ? null : this.put(`output/rows-${segment}.parquet`, { file: rows }),
      pack === null ? null : this.put(`artifacts/pack-${segment}`, { file: pack }),
    ]);
    const path = packFile?.path ?? null;
    const outcomes = counting.map((each) => this.#settle(each, path));
    const block = done === null ? null : { block: this.#withErrors({ ...done, pack: path }), functionDigest };
    const file = rowsFile === null ? null : { file: rowsFile, except: [] };
    // enforces I4: ended partitions are recorded before they are reported to the server, which may lose its
    // last seconds.
    const settled = outcomes.filter((each) => this.#isSettled(each));
    if (settled.length > 0 || block !== null)
      await putCheckpoint(this.#results, folder, ++this.#checkpoints, {
        outcomes: settled,
        block,
        rows: file,
      });
    this.recorded.add({ outcomes, block, rows: file });
    heartbeats.update({
      segment: this.#checkpoints,
      ended: this.recorded.ordinals.size,
      ...this.#errors.beat(this.recorded.ordinals),
    });
  }

  #withErrors(block: DoneBlock): DoneBlock {
    return withEarlierErrors(block, (ordinal) => this.#errors.of(ordinal));
  }

  /** Heartbeat fields for the next attempt of a partition that threw in this one. */
  afterThrow({ ordinal, attempts, error }: PartitionOutcome): Pick<UnitBeat, 'errors'> {
    this.#errors.add(ordinal, attempts, error!);
    return this.#errors.beat(new Set());
  }

  #settle(call: CallResult, pack: string | null): CheckpointOutcome {
    const { outcome, artifacts, big = false } = call;
    const { error } = outcome;
    // A few show what is wrong; the stacks of a hundred thousand failures would fill the stage.
    const stack = error?.stack != null && ++this.#stacks <= MAX_STACKS ? error.stack : null;
    const { budget, functionDigest } = this.options;
    return {
      ...budget.nextCall(call),
      big,
      outcome: {
        ...outcome,
        error: error === null ? null : { ...error, stack },
        ...errorsField(this.#errors.before(outcome)),
        artifacts: artifactRefs(artifacts, pack),
      },
      functionDigest,
    };
  }

  /**
   * Whether no later attempt of this unit runs it: a throw in a one-partition unit is reported only to the
   * server.
   */
  #isSettled({ outcome, retryable }: CheckpointOutcome): boolean {
    return outcome.status !== 'CANCELLED' && !(this.options.budget.isOwnActivity && retryable);
  }

  onRoom(bytes: number): Promise<void> {
    const { scratch, wait } = this.options;
    return wait.ofCall(() => assertRoom(scratch, bytes));
  }

  onModel(partition: string): Promise<ModelFile | null> {
    const { models, scratch, stage, wait } = this.options;
    const fetch = (): Promise<ModelFile | null> => fetchModel(models, partition, scratch);
    return models?.stage === stage.uri ? wait.ofCall(fetch) : fetch();
  }

  onDownload({ name, partition, run }: DownloadRequest): Promise<DownloadedArtifact> {
    const { context, scratch, stage, wait } = this.options;
    const own = { ...context.info.workflowExecution!, stage: stage.uri };
    const fetch = (): Promise<DownloadedArtifact> =>
      downloadArtifact(context.client, own, { name, partition, run }, scratch);
    // The function asked for another run's stage, so it gets that stage's errors.
    return run === null ? wait.ofCall(fetch) : fetch();
  }

  /** Records partitions that had not started when the run was cancelled. */
  cutOff(entries: readonly IndexEntry[]): void {
    for (const entry of entries) this.#recordWithoutCall(entry, 'CANCELLED', null);
  }

  /** Records partitions that are not retried. */
  giveUp(entries: readonly IndexEntry[], error: ErrorInfo): void {
    for (const entry of entries) this.#recordWithoutCall(entry, 'INTERNAL_ERROR', error);
  }

  #recordWithoutCall(
    { ordinal, id, rows }: IndexEntry,
    status: PartitionOutcome['status'],
    error: ErrorInfo | null,
  ): void {
    const attempts = this.options.budget.callsSoFar(ordinal);
    const outcome: PartitionOutcome = {
      ordinal,
      id,
      status,
      attempts,
      rows,
      startedAt: new Date().toISOString(),
      durationMs: 0,
      preview: null,
      outputRows: 0,
      artifacts: [],
      error,
      ...errorsField(this.#errors.before({ ordinal, attempts, error })),
      reused: false,
    };
    const { functionDigest } = this.options;
    const recorded = { outcome, retryable: false, retryDelayMs: null, big: false, functionDigest };
    this.recorded.add({ outcomes: [recorded], block: null, rows: null });
  }

  /** Merges the unit's rows into one file, whatever the number of checkpoints. */
  async mergedOutput(): Promise<FileRef[]> {
    const { output } = this.recorded;
    const refs = output.map(({ file }) => file);
    if (refs.length <= 1 && output.every(({ except }) => except.length === 0)) return refs;
    const { stage, scratch, keyColumns, wait } = this.options;
    const files = await Promise.all(
      output.map(async ({ file, except }) => ({
        file: await wait.patiently(() => stage.localFile(file, scratch)),
        except,
      })),
    );
    const merged = join(scratch, 'merged.parquet');
    const complete = await wait.patiently(() =>
      mergeRows(keyColumns, files, merged).catch((error: unknown) => {
        throw asScratchFull(error, scratch);
      }),
    );
    return complete ? [await this.put('output/rows.parquet', { file: merged })] : refs;
  }

  /** Writes an object to the attempt's folder. */
  put(name: string, content: Uint8Array | { file: string }): Promise<FileRef> {
    return this.#results.put(`${this.options.folder}${name}`, content);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
