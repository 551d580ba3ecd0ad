/** The protocol between the host and its worker process over Node's IPC channel. */

/** JSON in the worker's environment variable `PARTWISE_WORKER`. */
export interface WorkerEnvironment {
  namespace: string;
  taskQueue: string;
  projectDir: string;
  /** Accept runs without a proof of the project's owner. */
  open: boolean;
}

export type WorkerMessage =
  /** The worker is polling. */
  | { type: 'ready' }
  /**
   * Number of open runs on the task queue, sent on change and every 30 s. Open runs keep the host from
   * ending.
   */
  | { type: 'open'; runs: number }
  /** The worker cannot start, and a retry would not help; it exits next. */
  | { type: 'failed'; message: string };

export type HostMessage =
  /** The server is ready at this address. Sent once: until then the worker loads what it needs. */
  | { type: 'serve'; address: string }
  /** Finish or hand back running partitions, then exit. Closing the channel means the same. */
  | { type: 'drain' };
