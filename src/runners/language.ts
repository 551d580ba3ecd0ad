/**
 * The interface of a language for partition functions. To add one: a folder next to `node/`, and a line in
 * `languages.ts`.
 */
import type { ArtifactCodec } from '../core/files';
import type { ErrorInfo } from '../core/outcome';
import type { ModelFile } from '../models/types';
import type { Runtime } from '../core/runtime';
import type { StackPlace } from '../core/stack-place';
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
  /** Reads the files that a bundle was made from. Throws if it is not a bundle of this language. */
  sourcesOf(bundle: BundleContent): BundleSources;
  /** Explains an error in the answer to `describe`, with the user's file and line. */
  loadingProblem(error: ErrorInfo, bundle: string): string;
  /** The command that installs Partwise for programs in the language, if it is not this package. */
  installCommand?(): string;
  /**
   * For a language whose interpreter is chosen for each project: which one that is for this functions file,
   * what it has, and what may not work. Rejects with what is missing.
   */
  describeRuntime?(file: string, project: RunnerProject): Promise<string>;
  /** A minimal function with that name, for messages. */
  example(name: string): string;
  /**
   * Calls a unit's function on this machine, without a worker, where a debugger can stop in it. Rejects if
   * the function could not be called. Absent: `partwise debug` refuses functions in this language.
   */
  callHere?(options: CallHereOptions): Promise<CalledHere>;
  /**
   * True if `callHere` starts a process that has this one's terminal: its debugger, Ctrl-C and what the
   * function prints. Absent: the function is called in this process.
   */
  readonly hasTerminal?: true;
}

/** A functions file with what it imports by path. */
export interface FunctionBundle {
  /** sha256 of the file. */
  digest: string;
  /** Absolute. */
  path: string;
  /** For a language whose interpreter is chosen for each project: the one that loads the bundle. */
  runtime?: BundleRuntime;
}

/** A bundle as it was read. */
export interface BundleContent {
  /** Absolute: paths of sources are relative to it. */
  path: string;
  content: Uint8Array;
}

/** The files that a bundle was made from. No other file is opened. */
export interface BundleSources {
  /** Null if the bundle does not have the file, as stacks name it, or the line. */
  find(place: StackPlace): SourceLines | null;
  /** The lines of such a file as it is on disk now; null if it cannot be decoded. */
  linesOf(content: Uint8Array): string[] | null;
}

export interface SourceLines {
  /** Number of the first one, from 1. */
  from: number;
  /** All lines of the file, or the ones around the place that the bundle has. */
  lines: string[];
}

/** The interpreter of a bundle. */
export interface BundleRuntime extends Runtime {
  /** Path of the interpreter. */
  executable: string;
  /** Equal while the interpreter and its packages are the same. */
  key: string;
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
  project: RunnerProject;
  /** Names of environment variables that functions get even if they are credentials. Default: none. */
  passEnv?: readonly string[];
  /** Stop in a debugger where the function raises an error. Only if the language `hasTerminal`. */
  postMortem?: boolean;
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
