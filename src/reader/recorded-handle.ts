import { archivedExecution } from './archive/archives';
import { NoSuchRun, ServerNeeded } from './errors';
import type { ExecutionHistory, RecordedHistory } from './histories/execution-history';
import { RunReader } from './run-reader';
import { RunReading } from './run-reading';
import { RecordedRun, type RunSource } from './run-source';
import type { RunArchive, RunHandle } from './types';

/** A run as a file or an archive has it. What would change it needs a server. */
class RecordedRunHandle extends RunReading implements RunHandle {
  constructor(private readonly source: RunSource) {
    super(new RunReader(source));
  }

  execution(workflowRunId: string): RunHandle {
    return new RecordedRunHandle(new RecordedExecution(this.source, workflowRunId));
  }

  cancel = this.#needsServer('cancel');
  pause = this.#needsServer('pause');
  unpause = this.#needsServer('unpause');
  set = this.#needsServer('set');
  skip = this.#needsServer('skip');
  retry: RunHandle['retry'] = this.#needsServer('retry');
  archive: () => Promise<RunArchive> = this.#needsServer('archive');

  #needsServer(method: string): () => Promise<never> {
    return () => Promise.reject(new ServerNeeded(this.runId, method));
  }
}

/** Another execution of a recorded run: archives of the run's stage have it, or nothing. */
class RecordedExecution implements RunSource {
  readonly pinned = true;

  constructor(
    private readonly run: RunSource,
    private readonly workflowRunId: string,
  ) {}

  get runId(): string {
    return this.run.runId;
  }

  get decoder(): RunSource['decoder'] {
    return this.run.decoder;
  }

  async locate(): Promise<ExecutionHistory> {
    const history = await this.run.locate();
    if (history.execution.runId === this.workflowRunId) return history;
    const reader = new RunReader(this.run);
    const stage = reader.stage((await reader.read()).record);
    const archived: RecordedHistory | null =
      stage === null ? null : await archivedExecution(stage, this.runId, this.workflowRunId);
    if (archived !== null) return archived;
    throw new NoSuchRun(
      this.runId,
      `Neither the history that was read nor an archive on the run's stage has the execution ${this.workflowRunId} of "${this.runId}".`,
    );
  }
}

export function recordedRun(history: RecordedHistory, decoder: RunSource['decoder']): RunHandle {
  return new RecordedRunHandle(new RecordedRun(history, decoder));
}
