/**
 * The interface of a language for partition functions. To add one: a folder next to `node/`, and a line in
 * `languages.ts`.
 */
import type { ArtifactCodec } from '../core/files';
import type { ErrorInfo } from '../core/outcome';
import type { ModelFile } from '../models/types';
import type { WarehouseAccess } from '../core/warehouse-access';
import type { CallResult, LogLine, RunnerUnit } from './protocol';
import type { Runner, RunnerOptions, RunnerProject } from './runner';

export interface Language {
  readonly name: string;
  /** Functions files that a project has without naming one; the first that exists is taken. */
  readonly functionsFiles: readonly string[];
  /** Extensions of functions files, with the dot. */
  readonly sourceEndings: readonly string[];
  /** Extensions of bundles, with the dot. Unique to the language. */
  readonly bundleEndings: readonly string[];
  /**
   * Whether its runners have DuckDB: they read files and open a DuckDB warehouse without asking their worker.
   */
  readonly hasDuckDB: boolean;
  /** How long a functions file may take to load. */
  readonly loadingTimeoutMs: number;
  /**
   * Bundles a functions file and what it imports by path into one file, so that edits do not affect running
   * runs. The file is `<folder>/<digest><extension>`, and the same input gives the same digest. Throws
   * `FunctionsBuildError`.
   */
  bundle(file: string, folder: string, project: RunnerProject): Promise<FunctionBundle>;
  /** Starts a process that speaks `protocol`. */
  start(options: RunnerOptions): Runner;
  /** Explains an error in the answer to `describe`, with the user's file and line. */
  loadingProblem(error: ErrorInfo, bundle: string): string;
  /** A minimal function with that name, for messages. */
  example(name: string): string;
  /**
   * Calls a unit's function on this machine, without a worker, where a debugger can stop in it: for Node, in
   * this process. Rejects if the function could not be called. Absent: `partwise debug` refuses functions in
   * this language.
   */
  callHere?(options: CallHereOptions): Promise<CalledHere>;
}

/** A functions file with what it imports by path. */
export interface FunctionBundle {
  /** sha256 of the file. */
  digest: string;
  /** Absolute. */
  path: string;
}

/** The functions file does not build. There is a sentence for each problem, with file and line. */
export class FunctionsBuildError extends Error {
  override name = 'FunctionsBuildError';
  readonly nonRetryable = true;
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

export interface CallHereOptions {
  /** A unit with one partition. */
  unit: RunnerUnit;
  onLog: (line: LogLine) => void;
  onDownload: (request: {
    name: string;
    partition: string;
    run: string | null;
  }) => Promise<{ file: string; codec: ArtifactCodec }>;
  onModel: (partition: string) => Promise<ModelFile | null>;
  /** For the function's warehouse queries, or null if it opens the warehouse itself. */
  access: WarehouseAccess | null;
  /** Aborts `context.signal`. */
  signal: AbortSignal;
}

/** An uploaded artifact, which exists only here. */
export interface Uploaded {
  name: string;
  content: Uint8Array;
  sha256: string;
  codec: ArtifactCodec;
}

export interface CalledHere {
  outcome: CallResult['outcome'];
  /** Parquet files of the returned rows, in the unit's scratch folder. */
  rowsFiles: string[];
  uploads: Uploaded[];
}
