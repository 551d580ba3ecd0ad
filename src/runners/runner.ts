/** The worker's view of a runner: a process that calls partition functions, one at a time. */
import type { ErrorInfo } from '../core/outcome';
import type { CallRecord } from './call-record';
import type { OutputFiles } from './output-files';
import type { ToRunner } from './protocol';

/** The project whose functions are run. */
export interface RunnerProject {
  /** Working directory of functions: their project's folder. Default: this process's. */
  cwd?: string;
  /** Python interpreter that is named: an absolute path, or a command on PATH. */
  python?: string;
}

export interface RunnerOptions extends RunnerProject {
  /** Resident bytes that it may use. */
  memoryBytes: number;
  /** Absolute path of the bundle that its units will have, so that it may be prepared; null: none yet. */
  bundle?: string | null;
  /** Names of environment variables that functions get even if they are credentials. Default: none. */
  passEnv?: readonly string[];
  /** Threads that a library may use in it. Default: 1. */
  threads?: number;
  /** Ids of the GPUs that functions may use; none: all that the worker sees. */
  gpus?: readonly string[];
  /** Folder on disk for its output, created if missing. Default: the system's temporary folder. */
  folder?: string;
}

export interface Runner {
  /** Undefined if it could not be started. */
  readonly pid: number | undefined;
  readonly memoryBytes: number;
  /** Resident bytes, as last reported. */
  readonly rss: number;
  readonly alive: boolean;
  /** Resolves once the process is gone and everything it sent has been passed on. */
  readonly exited: Promise<RunnerExit>;
  /** The running call; after the runner's death, the one that it was running then. */
  readonly calls: Pick<CallRecord, 'read'>;
  /** Output of the process, its native code and its children. */
  readonly output: OutputFiles;
  /** Passes on what happens until the returned function is called. One listener at a time. */
  listen(listener: RunnerListener): () => void;
  /** `describe`, `unit`, `drain`, `abort`, `ping` or `reply`: see `protocol`. */
  send(message: ToRunner): void;
  /** How many milliseconds it may continue if the worker sends nothing more; null means no limit. */
  setLease(lease: (() => number) | null): void;
  /** Asks for the place in the function, which `exited` reports if the runner is killed. */
  askWhere(): void;
  /** Ends a runner that sent something unacceptable. `why` completes "a message that …". */
  reject(why: string): void;
  /**
   * Kills the runner and everything that it started, immediately. `reason` becomes the exit's error, unless
   * it is already being killed for another.
   */
  kill(reason?: ErrorInfo): Promise<RunnerExit>;
}

export interface RunnerListener {
  /** Unchecked: see `check-message`. */
  onMessage: (message: unknown) => void;
  /** Called twice a second while it is alive, and once when it has died. */
  onTick?: () => void;
}

/** How a runner ended. */
export interface RunnerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  error: ErrorInfo;
}
