import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { widened, type Confinement } from '../../duckdb/confinement';
import { check, type Check } from '../../core/setup-check';
import type { ModelRecord } from '../../models/records';
import type { OutputPlan } from '../../core/plan';
import type { WarehouseAccess } from '../../core/warehouse-access';
import type { CommitResult, CommitTask } from '../../core/tasks';
import { Refusal } from '../../core/refusal';
import type {
  AccessedUnit,
  AccessOptions,
  CommitRows,
  PartitionSizes,
  PartitionsRequest,
  PinnedSource,
  SnapshotRequest,
  SourceRequest,
  SourceShape,
  Warehouse,
} from '../warehouse';
import { warehouseAccess } from './access';
import { commitRows } from './commit';
import { type Connect, type OpenOptions, userProblem, withDatabase } from '../../duckdb/database-file';
import { isOnStage } from '../../core/files-on-stage';
import {
  countFiles,
  describeFiles,
  filesPattern,
  globsOf,
  pinFiles,
  type FilesPlace,
} from './files-as-partitions';
import { StageCopies } from './stage-copies';
import { nameHint, type FilesSource } from './list-files';
import { DuckDbSetup } from '../../duckdb/setup';
import { fileProblems, needsFile, tableProblems } from './output-check';
import { inLittleMemory } from './little-memory';
import { changeModels, readModels } from './models';
import { describeSource, refusedSql, type DescribedSource } from './source';
import { countPartitions } from './partition-keys';
import { pinRows, pinSample } from './snapshot';

/** A DuckDB file, or an in-memory database for sources that are files. */
export class DuckDbWarehouse implements Warehouse {
  readonly #path: string;

  constructor(
    readonly uri: string,
    readonly projectDir: string,
    readonly confinement: Confinement | null,
    private readonly setup: readonly string[],
  ) {
    this.#path = uri.slice('duckdb:'.length);
  }

  inspect(request: SourceRequest): Promise<SourceShape> {
    if (isFilesAsPartitions(request)) return this.#ofFiles(request, describeFiles);
    return this.#reading(request, async (connection) => {
      return (await describeSource(connection, request, this)).shape;
    });
  }

  async inspectOutput(output: OutputPlan, signal?: AbortSignal): Promise<string[]> {
    if ('file' in output) return fileProblems(output.file, this.projectDir);
    const missing = this.#folderProblem();
    if (missing !== null) return [missing];
    if ('table' in output) return tableProblems(this.#path, output.table, { signal });
    return this.#path === ':memory:' ? [needsFile('The model registry')] : [];
  }

  count(request: PartitionsRequest): Promise<PartitionSizes> {
    if (isFilesAsPartitions(request)) return this.#ofFiles(request, countFiles);
    const work = async (connection: DuckDBConnection): Promise<PartitionSizes> => {
      return countPartitions(connection, request, await describeSource(connection, request, this));
    };
    return this.#reading(request, work, { signal: request.signal });
  }

  snapshot<T>(request: SnapshotRequest, use: (pinned: PinnedSource) => Promise<T>): Promise<T> {
    return this.#pinning(request, pinRows, use);
  }

  sample<T>(
    request: SnapshotRequest & { only: string[] },
    use: (pinned: PinnedSource) => Promise<T>,
  ): Promise<T> {
    return this.#pinning(request, pinSample, use);
  }

  #pinning<R extends SnapshotRequest, T>(
    request: R,
    pin: (
      connection: DuckDBConnection,
      request: R,
      source: DescribedSource,
      connect: Connect,
    ) => Promise<PinnedSource>,
    use: (pinned: PinnedSource) => Promise<T>,
  ): Promise<T> {
    const work = async (connection: DuckDBConnection, connect: Connect): Promise<T> => {
      return use(await pin(connection, request, await describeSource(connection, request, this), connect));
    };
    const { scratch: tempFolder, signal } = request;
    const run = (memory?: string): Promise<T> =>
      isFilesAsPartitions(request)
        ? this.#ofFiles(request, async (...of) => use(await pinFiles(...of)), memory)
        : this.#reading(request, work, { tempFolder, signal, memory }, [tempFolder]);
    // What a query needs is not known.
    return 'query' in request.source || request.where !== null ? run() : inLittleMemory(run);
  }

  async commit(task: CommitTask, local: CommitRows): Promise<CommitResult> {
    try {
      return await commitRows(this.#path, task, local, this.confinement);
    } catch (error) {
      const problem = userProblem(error);
      throw problem === null
        ? error
        : new Refusal('OutputMismatch', [`DuckDB cannot write the output: ${problem}`]);
    }
  }

  readModels(model: string | null): Promise<(ModelRecord & { model: string })[]> {
    return readModels(this.#path, model);
  }

  changeModels<T>(
    model: string,
    change: (records: readonly ModelRecord[]) => { records: readonly ModelRecord[]; result: T },
  ): Promise<T> {
    return changeModels(this.#path, model, change);
  }

  access(unit: AccessedUnit, options: AccessOptions): WarehouseAccess | null {
    return options.hasDuckDB ? null : warehouseAccess(this.#path, unit, options);
  }

  restore(): Promise<void> {
    return Promise.reject(new Error(`${this.uri} does not unload files, so it has none to restore.`));
  }

  async *checks(): AsyncGenerator<Check> {
    yield await check('warehouse', async () => {
      await this.inspect({
        source: { query: 'SELECT 1 AS one' },
        partitionBy: ['one'],
        where: null,
        scheduled: null,
      });
      return existsSync(this.#path) || this.#path === ':memory:'
        ? this.uri
        : `${this.uri} (does not exist yet: the first run with --output TABLE creates it)`;
    });
  }

  checkStage(): Promise<null> {
    return Promise.resolve(null);
  }

  /** Reads files that are partitions, where they are or, from a stage, as copies. */
  async #ofFiles<R extends FilesRequest, T>(
    request: R,
    read: (connection: DuckDBConnection, request: R, place: FilesPlace) => Promise<T>,
    memory?: string,
  ): Promise<T> {
    const { source, signal, scratch: tempFolder } = request;
    const options = { tempFolder, signal, memory };
    const own = tempFolder === undefined ? [] : [tempFolder];
    if (!isOnStage(source.files))
      return this.#reading(request, (connection) => read(connection, request, this), options, own);
    const { projectDir, uri: warehouse } = this;
    const at = { projectDir, warehouse, signal, last: tempFolder !== undefined };
    const pattern = filesPattern(source);
    return StageCopies.use({ files: source.files, pattern }, at, (copies) =>
      copies.naming(() =>
        this.#reading(
          request,
          (connection) => read(connection, request, { projectDir, confinement: this.confinement, copies }),
          options,
          [...own, copies.folder],
        ),
      ),
    );
  }

  /** `directories` are Partwise's own. */
  #confinementFor({ source }: SourceRequest, directories: readonly string[]): Confinement | null {
    if (this.confinement === null) return null;
    // DuckDB lists a glob only if it may read a path of that exact name; matching files are checked one by
    // one.
    const isHere = 'files' in source && !isOnStage(source.files);
    const paths = isHere ? globsOf(source, this.projectDir) : [];
    return widened(this.confinement, { directories, paths });
  }

  #folderProblem(): string | null {
    if (this.#path === ':memory:' || existsSync(dirname(this.#path))) return null;
    return `There is no folder "${dirname(this.#path)}" for the warehouse file "${this.#path}": create it, or name another with --warehouse duckdb:PATH.`;
  }

  async #reading<T>(
    request: SourceRequest,
    work: (connection: DuckDBConnection, connect: Connect) => Promise<T>,
    options: OpenOptions = {},
    folders: readonly string[] = [],
  ): Promise<T> {
    const missing = this.#folderProblem();
    if (missing !== null) throw new Refusal('InvalidInput', [missing]);
    const { source } = request;
    if ('table' in source && !existsSync(this.#path) && this.setup.length === 0) {
      throw new Refusal('SourceMissing', [
        `There is no warehouse file "${this.#path}", and so no table "${source.table}".${nameHint(source.table, this.projectDir)} ` +
          'Create it, or name another with --warehouse duckdb:PATH.',
      ]);
    }
    // Files need no warehouse; a query over files, and a table that the setup attaches, work without one.
    const mayLack = 'query' in source || this.setup.length > 0;
    const needsFile = !('files' in source) && (!mayLack || existsSync(this.#path));
    try {
      return await withDatabase(needsFile ? this.#path : ':memory:', 'read', work, {
        ...options,
        keepsOrder: !isFilesAsPartitions(request),
        setup: this.setup.length === 0 ? null : new DuckDbSetup(this.setup, process.env),
        confinement: this.#confinementFor(request, folders),
      });
    } catch (error) {
      throw refusedSql(error, request, this.confinement) ?? error;
    }
  }
}

/** Of any of the calls. */
type FilesRequest = SourceRequest & { source: FilesSource; signal?: AbortSignal; scratch?: string };

function isFilesAsPartitions<R extends SourceRequest>(request: R): request is R & { source: FilesSource } {
  return 'files' in request.source && request.partitionBy.length === 0;
}
