/**
 * What a language of partition functions consists of. To add one: a folder next to `node/`, and a line in
 * `languages.ts`.
 */
import type { ArtifactCodec } from '../core/files';
import type { ErrorInfo } from '../core/outcome';
import type { ModelFile } from '../models/types';
import type { WarehouseAccess } from '../core/warehouse-access';
import type { CallResult, LogLine, RunnerUnit } from './protocol';
import type { Runner, RunnerOptions } from './runner';

export interface Language {
  readonly name: string;
  /** Functions files that a project has without naming one; the first that exists is taken. */
  readonly functionsFiles: readonly string[];
  /** Endings of functions files, with the dot. */
  readonly sourceEndings: readonly string[];
  /** Endings of bundles, with the dot. No two languages share one. */
  readonly bundleEndings: readonly string[];
  /** How long a functions file may take to load. */
  readonly loadingTimeoutMs: number;
  /**
   * Makes one file of a functions file and what it imports by path, so that an edit touches no run in flight.
   * The file is `<folder>/<digest><ending>`, and the same input gives the same digest. Throws
   * `FunctionsBuildError`.
   */
  bundle(file: string, folder: string): Promise<FunctionBundle>;
  /** Starts a process that speaks `protocol`. */
  start(options: RunnerOptions): Runner;
  /** The answer's error to `describe`, as a sentence with the user's file and line. */
  loadingProblem(error: ErrorInfo, bundle: string): string;
  /** The shortest function of that name, for messages. */
  example(name: string): string;
  /**
   * Calls a unit's function where a debugger can reach it. Rejects if the function could not be called at
   * all.
   */
  callHere(options: CallHereOptions): Promise<CalledHere>;
}

/** A functions file with what it imports by path. */
export interface FunctionBundle {
  /** sha256 of the file. */
  digest: string;
  /** Absolute. */
  path: string;
}

/** The functions file does not build: a sentence per problem, with file and line. */
export class FunctionsBuildError extends Error {
  override name = 'FunctionsBuildError';
  readonly nonRetryable = true;
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

export interface CallHereOptions {
  /** Of one partition. */
  unit: RunnerUnit;
  onLog: (line: LogLine) => void;
  onDownload: (request: {
    name: string;
    partition: string;
    run: string | null;
  }) => Promise<{ file: string; codec: ArtifactCodec }>;
  onModel: (partition: string) => Promise<ModelFile | null>;
  /** For the function's queries of the warehouse; null: it opens the warehouse itself. */
  access: WarehouseAccess | null;
  /** Aborts `context.signal`. */
  signal: AbortSignal;
}

/** An artifact that was uploaded, and exists only here. */
export interface Uploaded {
  name: string;
  content: Uint8Array;
  sha256: string;
  codec: ArtifactCodec;
}

export interface CalledHere {
  outcome: CallResult['outcome'];
  /** Parquet files of the rows that it returned, in the unit's scratch folder. */
  rowsFiles: string[];
  uploads: Uploaded[];
}
