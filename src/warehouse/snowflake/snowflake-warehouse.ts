import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Confinement } from '../../duckdb/confinement';
import type { Check } from '../../core/setup-check';
import type { ModelRecord } from '../../models/records';
import type { OutputPlan } from '../../core/plan';
import type { CommitResult, CommitTask } from '../../core/tasks';
import { Refusal } from '../../core/refusal';
import type { WarehouseAccess } from '../../core/warehouse-access';
import { poolOf, SnowflakeError, type Session, type SessionPool } from '../../snowflake';
import { isOnStage } from '../../core/files-on-stage';
import type { Stage } from '../../stage';
import { sourceStage } from '../staged-files';
import { commitRows as commitFile } from '../duckdb/commit';
import { withDatabase } from '../../duckdb/database-file';
import { DuckDbWarehouse } from '../duckdb/duckdb-warehouse';
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
  UnloadedFiles,
  Warehouse,
} from '../warehouse';
import { warehouseAccess } from './access';
import { checkConnection, checkUnload } from './checks';
import { commitTable } from './commit';
import { restoreRows } from './restore-rows';
import { countPartitions, isOwnStage, pinRows } from './snapshot';
import { tableProblems } from './output-check';
import { changeModels, readModels } from './models';
import { describeSource, refusedSql, type SqlRequest } from './source';

/** Timeout of one statement of planning; the activity's is the same for all of them together. */
const TIMEOUT_SECONDS = 6 * 3600;

/** Tables and queries of one connection. Files are read with DuckDB. */
export class SnowflakeWarehouse implements Warehouse {
  /** Name of the connection. */
  readonly #connection: string;
  readonly #files: DuckDbWarehouse;

  /**
   * `loadingWarehouse` is the virtual warehouse for planning and commits, or null for the connection's own.
   */
  constructor(
    readonly uri: string,
    projectDir: string,
    private readonly loadingWarehouse: string | null,
    private readonly confinement: Confinement | null,
    duckdbSetup: readonly string[],
  ) {
    this.#connection = uri.slice('snowflake:'.length);
    this.#files = new DuckDbWarehouse('duckdb::memory:', projectDir, confinement, duckdbSetup);
  }

  async inspect(request: SourceRequest): Promise<SourceShape> {
    if (!isSql(request)) return this.#files.inspect(this.#named(request));
    const { shape } = await describeSource((sql, options) => this.#pool.run(sql, options), request);
    return shape;
  }

  async inspectOutput(output: OutputPlan): Promise<string[]> {
    if ('file' in output) return this.#files.inspectOutput(output);
    if (!('table' in output)) return [];
    try {
      return await tableProblems((sql, options) => this.#pool.run(sql, options), output.table);
    } catch (error) {
      if (error instanceof Refusal) return [...error.problems];
      if (!(error instanceof SnowflakeError) || error.remedy !== 'none') throw error;
      return [`Snowflake cannot write the output table "${output.table}": ${error.message}`];
    }
  }

  async count(request: PartitionsRequest): Promise<PartitionSizes> {
    if (!isSql(request)) return this.#files.count(this.#named(request));
    return this.#reading(request, null, async (session, connection) => {
      const options = this.#options(request.signal);
      const source = await describeSource((sql, more) => session.run(sql, more), request);
      return countPartitions({ session, connection, options }, request, source);
    });
  }

  async snapshot<T>(request: SnapshotRequest, use: (pinned: PinnedSource) => Promise<T>): Promise<T> {
    if (!isSql(request)) return this.#files.snapshot(this.#named(request), use);
    return this.#pinning(request, { sample: false }, use);
  }

  async sample<T>(
    request: SnapshotRequest & { only: string[] },
    use: (pinned: PinnedSource) => Promise<T>,
  ): Promise<T> {
    if (!isSql(request)) return this.#files.sample(this.#named(request), use);
    return this.#pinning(request, { sample: true }, use);
  }

  async commit(task: CommitTask, local: CommitRows): Promise<CommitResult> {
    const { output } = task;
    if (!('table' in output)) return commitFile(':memory:', task, local, this.confinement);
    const scratch = await mkdtemp(join(tmpdir(), 'partwise-commit-'));
    try {
      return await commitTable(this.#pool, task, output, local, scratch);
    } catch (error) {
      throw error instanceof SnowflakeError && error.remedy === 'none'
        ? new Refusal('OutputMismatch', [`Snowflake cannot write the output: ${error.message}`])
        : error;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  readModels(model: string | null): Promise<(ModelRecord & { model: string })[]> {
    return readModels(this.#pool, model);
  }

  changeModels<T>(
    model: string,
    change: (records: readonly ModelRecord[]) => { records: readonly ModelRecord[]; result: T },
  ): Promise<T> {
    return changeModels(this.#pool, model, change);
  }

  access(unit: AccessedUnit, options: AccessOptions): WarehouseAccess {
    return warehouseAccess(poolOf(this.#connection), unit, options);
  }

  restore(unloaded: UnloadedFiles): Promise<void> {
    return restoreRows(unloaded);
  }

  checks(): AsyncGenerator<Check> {
    return checkConnection(this.#connection);
  }

  async checkStage(stage: Stage): Promise<Check | null> {
    return isOwnStage(stage, this.#connection) ? checkUnload(stage) : null;
  }

  /** A place on a stage on Snowflake is on this connection. */
  #named<R extends SourceRequest>(request: R): R {
    const { source } = request;
    if (!('files' in source) || !isOnStage(source.files)) return request;
    return { ...request, source: { ...source, files: sourceStage(source.files, '', this.uri).uri } };
  }

  get #pool(): SessionPool {
    return poolOf(this.#connection, this.loadingWarehouse);
  }

  #options(signal: AbortSignal): { signal: AbortSignal; timeoutSeconds: number } {
    return { signal, timeoutSeconds: TIMEOUT_SECONDS };
  }

  #pinning<T>(
    request: SnapshotRequest & SqlRequest,
    how: { sample: boolean },
    use: (pinned: PinnedSource) => Promise<T>,
  ): Promise<T> {
    return this.#reading(request, request.scratch, async (session, connection) => {
      const options = this.#options(request.signal);
      const source = await describeSource((sql, more) => session.run(sql, more), request);
      const planning = { session, connection, account: this.#connection, options };
      return use(await pinRows(planning, request, source, how));
    });
  }

  /** Runs `work` with a session and a local DuckDB. */
  async #reading<T>(
    request: PartitionsRequest & SqlRequest,
    tempFolder: string | null,
    work: (session: Session, connection: DuckDBConnection) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#pool.lend(
        (session) =>
          withDatabase(':memory:', 'read', (connection) => work(session, connection), {
            ...(tempFolder !== null && { tempFolder }),
          }),
        request.signal,
      );
    } catch (error) {
      throw refusedSql(error, request) ?? error;
    }
  }
}

function isSql<R extends SourceRequest>(request: R): request is R & SqlRequest {
  return !('files' in request.source);
}
