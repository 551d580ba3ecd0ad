/** What the host and its worker process tell each other over Node's IPC channel. */

/** JSON in the worker's environment variable `PARTWISE_WORKER`. */
export interface WorkerEnvironment {
  address: string;
  namespace: string;
  taskQueue: string;
  projectDir: string;
  /** Accept runs that bear no proof of the project's owner. */
  open: boolean;
}

export type WorkerMessage =
  /** It polls. */
  | { type: 'ready' }
  /** How many runs are open on the task queue; sent on change and every 30 s. Keeps the host from ending. */
  | { type: 'open'; runs: number }
  /** It cannot start, and trying again would not help; it exits next. */
  | { type: 'failed'; message: string };

/** `drain`: finish or hand back what runs, then exit. The channel's end means the same. */
export type HostMessage = { type: 'drain' };
