/**
 * Tries a run on a few of its partitions in this process: with the same checks, rows pinned in the same way,
 * and the same runner processes and limits. Uses no server, starts no run and keeps nothing.
 */
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TriedPartition, TryOptions, TryReport } from './types';
import type { ProjectConfig } from '../../config';
import { quote } from '../../core/quote';
import type { ModelPlan } from '../../core/unit-plan';
import type { NormalizedInput } from '../../core/normalized-input';
import { parseRunInput } from '../../input/parse-input';
import { Refusal } from '../../core/refusal';
import { scheduledFor } from '../../input/scheduled-time';
import { pickSpread } from './pick-spread';
import { RunnerPool } from '../../runners/pool';
import { runnerUnit } from '../../runners/runner-unit';
import { openStage, type Stage } from '../../stage';
import { openWarehouse, warehouseOptionProblems } from '../../warehouse';
import { localFiles } from '../../warehouse/staged-files';
import type { PartitionsRequest, PinnedSource, Warehouse } from '../../warehouse/warehouse';
import { FunctionCatalog } from '../../planning/function-catalog';
import { functionLimits } from '../../planning/function-limits';
import { gpusOf } from '../../runners/gpus';
import {
  findFunction,
  inspectSource,
  notifierProblems,
  queryProblems,
  resolvePlace,
  targetProblems,
  withoutWaiting,
  type FoundFunction,
} from '../../planning/check-run';
import { withTemporaryFolders, type TemporaryFolders } from './temporary-folders';
import { modelProblems, registryProblems } from '../../planning/check-models';
import { checkFallback, pinModels, withoutModel } from '../../planning/plan-models';
import { tryPartition } from './try-partition';

/** The value of `context.runId`: not the id of any run. */
const NO_RUN = '(try)';

/** Throws a `Refusal` with every problem that a run would be refused for. */
export async function tryRun(raw: unknown, project: ProjectConfig, options: TryOptions): Promise<TryReport> {
  const parsed = parseRunInput(raw);
  const { partitions } = options;
  const isCount = Number.isInteger(partitions) && partitions > 0;
  const problems = isCount
    ? []
    : [`"partitions" is ${quote(partitions)}; it takes a whole number, 1 or more.`];
  if (!parsed.ok) throw new Refusal('InvalidInput', [...parsed.problems, ...problems]);
  if (!isCount) throw new Refusal('InvalidInput', problems);
  return withoutWaiting(() =>
    withTemporaryFolders(project.projectDir, (folders) =>
      new Trial(parsed.input, project, folders, options).run(),
    ),
  );
}

/** Results of the checks that come before rows are read. */
interface Checked extends FoundFunction {
  warehouse: Warehouse;
  /** URI of the project's stage, which contains models. */
  stage: string;
}

/** Rows pinned for the duration of the trial, as local files. */
interface PinnedHere extends Omit<PinnedSource, 'put'> {
  index: string;
  data: string[];
}

class Trial {
  readonly #signal: AbortSignal;
  readonly #stage: Stage;

  constructor(
    private readonly input: NormalizedInput,
    private readonly project: ProjectConfig,
    private readonly folders: TemporaryFolders,
    private readonly options: TryOptions,
  ) {
    this.#signal = options.signal ?? new AbortController().signal;
    this.#stage = openStage(pathToFileURL(join(folders.scratch, 'stage')).href);
  }

  async run(): Promise<TryReport> {
    const { input, options } = this;
    const checked = await this.#check();
    const { warehouse, stage, plan } = checked;
    const models = await pinModels(null, { stage: openStage(stage), warehouse, folder: null }, input.model);
    if (models !== null) await checkFallback(models, input.model!);
    const { source, partitionBy, where, only, scheduledTime, timeZone } = input;
    const request = {
      source,
      partitionBy,
      where,
      scheduled: scheduledFor(scheduledTime, timeZone),
      maxPartitions: input.options.maxPartitions,
      allowEmpty: input.options.allowEmpty,
      signal: this.#signal,
    };
    const { picked, ...size } = await this.#pick(warehouse, { ...request, only }, models);
    const snapshot = await this.#pin(warehouse, { ...request, only: picked });
    const inOrder = pickSpread(snapshot.rows, snapshot.rows.length);
    options.onEvent?.({
      type: 'picked',
      ...size,
      picked: inOrder.map((ordinal) => ({ id: snapshot.ids[ordinal]!, rows: snapshot.rows[ordinal]! })),
    });
    const concurrency = Math.min(
      size.partitions,
      input.options.maxConcurrency,
      this.project.worker.runners ?? availableParallelism(),
    );
    const tried = await this.#tryAll({ ...checked, models, snapshot, inOrder, concurrency });
    return {
      function: plan.name,
      tried,
      plan: { ...size, concurrency, estimatedMs: estimate(tried, size.partitions, concurrency) },
    };
  }

  /** Picks some of the partitions that a run would call the function for; also returns the totals. */
  async #pick(
    warehouse: Warehouse,
    request: PartitionsRequest,
    models: ModelPlan | null,
  ): Promise<{ picked: string[]; partitions: number; rows: number }> {
    const { ids, rows } = await warehouse.count(request);
    if (ids.length === 0)
      throw new Refusal('SourceEmpty', ['The source has no rows, so there is no partition to try.']);
    const skips = models !== null && this.input.model?.onMissing === 'skip';
    const skipped = new Set(skips ? await withoutModel(models, ids) : []);
    const called = ids.map((id, i) => ({ id, rows: rows[i]! })).filter((_, ordinal) => !skipped.has(ordinal));
    if (skips && called.length === 0)
      throw new Refusal('InvalidInput', [
        `${models.label} has no model for any of the ${ids.length} partitions.`,
      ]);
    const sizes = called.map((partition) => partition.rows);
    return {
      picked: pickSpread(sizes, this.options.partitions).map((i) => called[i]!.id),
      partitions: called.length,
      rows: sizes.reduce((sum, each) => sum + each, 0),
    };
  }

  async #pin(warehouse: Warehouse, request: PartitionsRequest & { only: string[] }): Promise<PinnedHere> {
    const scratch = join(this.folders.scratch, 'snapshot');
    await mkdir(scratch);
    const stage = this.#stage;
    return warehouse.sample({ ...request, scratch }, async ({ put, ...pinned }) => {
      const ranges = [{ from: 0, to: pinned.rows.length - 1 }];
      const { index, files: data } = await put({ stage, folder: 'snapshot/', ranges });
      return {
        ...pinned,
        index: await stage.localFile(index),
        data: await Promise.all(data.map((file) => stage.localFile(file))),
      };
    });
  }

  /** Makes the same checks as the start of a run. */
  async #check(): Promise<Checked> {
    const { input, project } = this;
    const problems: string[] = [];
    const functions = new FunctionCatalog({
      files: project.functions,
      folder: this.folders.bundles,
      reloads: true,
      passEnv: project.worker.passEnv,
      cwd: project.projectDir,
    });
    const trusted = true;
    const { warehouse } = input;
    const uri = resolvePlace('warehouse', warehouse, project, problems, { trusted });
    const stage = resolvePlace('stage', input.stage, project, problems, { trusted, warehouse });
    if (uri !== null) problems.push(...warehouseOptionProblems(uri, input.options.warehouse));
    problems.push(...notifierProblems(input, project, { trusted }));
    const found = await findFunction({ functions }, project, { ...input, starter: 'owner' }, problems);
    if (found !== null) problems.push(...modelProblems(input, found.described));
    const opened = uri === null ? null : openWarehouse(uri, project.projectDir, { project });
    const shape = opened === null ? null : await inspectSource(opened, input, problems);
    if (shape !== null) problems.push(...(await queryProblems(input, shape, null)));
    if (opened !== null) problems.push(...(await targetProblems(opened, input)));
    if (shape !== null && opened !== null && stage !== null && found !== null) {
      const view = { client: null, warehouse: opened, stage, continues: false, confinement: null };
      problems.push(...(await registryProblems(input, shape, found.described, view)));
    }
    if (problems.length > 0) throw new Refusal('InvalidInput', problems);
    return { warehouse: opened!, stage: stage!, ...found! };
  }

  /** Tries the partitions in this order, `concurrency` at a time. */
  async #tryAll(
    parts: Checked & {
      models: ModelPlan | null;
      snapshot: PinnedHere;
      inOrder: readonly number[];
      concurrency: number;
    },
  ): Promise<TriedPartition[]> {
    const { inOrder, concurrency } = parts;
    const { projectDir: cwd, worker } = this.project;
    const pool = new RunnerPool({
      size: concurrency,
      passEnv: worker.passEnv,
      cwd,
      gpus: gpusOf(worker.gpus),
    });
    const tried: TriedPartition[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < inOrder.length) {
        const position = next++;
        const partition = await this.#tryOne(pool, inOrder[position]!, parts);
        tried[position] = partition;
        this.options.onEvent?.({ type: 'partition', partition });
      }
    };
    try {
      await Promise.all(Array.from({ length: concurrency }, lane));
      return tried;
    } finally {
      await pool.close();
    }
  }

  async #tryOne(
    pool: RunnerPool,
    ordinal: number,
    {
      warehouse,
      plan,
      settings,
      models,
      snapshot,
    }: Checked & { models: ModelPlan | null; snapshot: PinnedHere },
  ): Promise<TriedPartition> {
    const { input, folders, options } = this;
    const { timeoutMs, memoryBytes } = functionLimits(input.options, settings);
    const { index, data } = snapshot;
    const scratch = join(folders.scratch, `partition-${ordinal}`);
    await mkdir(scratch);
    const basis = {
      ...snapshot,
      runId: NO_RUN,
      params: input.params,
      model: input.model ?? undefined,
      models: models ?? undefined,
      warehouse: warehouse.uri,
      snapshotTime: new Date().toISOString(),
      scheduledTime: input.scheduledTime,
      scheduledDate: scheduledFor(input.scheduledTime, input.timeZone)?.date ?? null,
    };
    const { projectDir } = this.project;
    const place = { ...snapshot, warehouse: warehouse.uri };
    const files = await localFiles(place, [ordinal], { projectDir, scratch, signal: this.#signal });
    return tryPartition({
      pool,
      stage: this.#stage,
      warehouse,
      unit: runnerUnit(basis, {
        function: plan,
        bundle: plan.bundle,
        index,
        snapshot: data,
        files,
        ordinals: [ordinal],
        isBatch: false,
        priorCalls: 0,
        spill: join(folders.scratch, 'spill'),
        scratch,
        nonRetryableErrorTypes: [],
        memoryBytes,
      }),
      id: snapshot.ids[ordinal]!,
      rows: snapshot.rows[ordinal]!,
      timeoutMs,
      memoryBytes,
      gpus: settings.gpus,
      signal: this.#signal,
      onLog: (entry) => options.onEvent?.({ type: 'log', entry }),
    });
  }
}

function estimate(tried: readonly TriedPartition[], partitions: number, concurrency: number): number | null {
  const done = tried.filter(({ status }) => status === 'DONE');
  if (done.length === 0) return null;
  const mean = done.reduce((sum, { durationMs }) => sum + durationMs, 0) / done.length;
  return Math.round((partitions * mean) / concurrency);
}
