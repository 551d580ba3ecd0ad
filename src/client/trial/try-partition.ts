/**
 * Calls the function once for one partition, in a real runner process. Uploads go to a temporary stage.
 */
import { MAX_ROWS_SHOWN, type TriedPartition } from './types';
import type { LogEntry } from '../../reader/log-types';
import { readLocalRows } from '../../reader/partitions/results';
import type { RowsFile } from '../../core/files';
import { artifactRefs } from '../../core/done-block';
import type { FileRef } from '../../core/files';
import { keyValues } from '../../core/key-values';
import type { PartitionOutcome } from '../../core/outcome';
import { artifactFile } from '../../stored/layout';
import { languageOfBundle } from '../../runners/languages';
import type { RunnerPool } from '../../runners/pool';
import type { LogLine, RunnerSegment, RunnerUnit } from '../../runners/protocol';
import { assertRoom } from '../../runners/scratch-room';
import { runUnit } from '../../runners/unit-run';
import type { Stage } from '../../stage';
import { fetchModel } from '../../models/fetch-model';
import type { Warehouse } from '../../warehouse';
import type { ModelFile } from '../../models/types';
import type { UnitHandlers, UploadRequest } from '../../runners/unit-run-types';

export interface PartitionTrial {
  pool: RunnerPool;
  stage: Stage;
  warehouse: Warehouse;
  /** A unit with only this partition. */
  unit: RunnerUnit;
  id: string;
  rows: number;
  timeoutMs: number | null;
  memoryBytes: number;
  gpus?: number;
  signal: AbortSignal;
  onLog: (entry: LogEntry) => void;
}

/** Throws the signal's reason when it was aborted. */
export async function tryPartition(trial: PartitionTrial): Promise<TriedPartition> {
  const { pool, warehouse, unit, id, rows, timeoutMs, memoryBytes, gpus, signal } = trial;
  const recorder = new TrialRecorder(trial);
  const startedAt = Date.now();
  const language = languageOfBundle(unit.bundle)!;
  const { hasDuckDB } = language;
  const { failed } = await runUnit({
    pool,
    language,
    unit,
    timeoutMs,
    memory: { each: memoryBytes, alone: memoryBytes },
    gpus,
    signal,
    drain: new AbortController().signal,
    afterLoss: () => 'end',
    alone: false,
    entryOf: () => Promise.resolve({ id, rows }),
    handlers: recorder,
    access: warehouse.access(unit, { timeoutMs, scratch: unit.scratch, hasDuckDB }),
    lease: null,
  });
  signal.throwIfAborted();
  const shared = { id, key: keyValues(id, unit.keyColumns), rows };
  if (recorder.outcome === null) {
    const durationMs = Date.now() - startedAt;
    const nothing = { result: [], resultRows: 0, artifacts: [], error: failed?.error ?? null };
    return { ...shared, ...nothing, status: 'INTERNAL_ERROR', durationMs };
  }
  const { status, durationMs, outputRows, artifacts, error } = recorder.outcome;
  return {
    ...shared,
    status,
    durationMs,
    result: await readLocalRows(recorder.rowsFiles, unit.keyColumns, { limit: MAX_ROWS_SHOWN }),
    resultRows: outputRows,
    artifacts: artifacts.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    error,
  };
}

/** The function used something that requires a run. */
class NotAvailableInTrial extends Error {
  override name = 'NotAvailableInTrial';
  constructor(what: string) {
    super(`${what} is not available in a trial, because there is no run: start a run to use it.`);
  }
}

class TrialRecorder implements UnitHandlers {
  outcome: PartitionOutcome | null = null;
  readonly rowsFiles: RowsFile<string>[] = [];

  constructor(private readonly trial: PartitionTrial) {}

  async onSegment({ outcomes: [call], rows }: RunnerSegment): Promise<void> {
    if (call !== undefined) this.outcome = { ...call.outcome, artifacts: artifactRefs(call.artifacts, null) };
    if (rows !== null) this.rowsFiles.push({ file: rows, except: [] });
  }

  onLog(lines: readonly LogLine[]): void {
    const { id, onLog } = this.trial;
    for (const { at, stream, text } of lines)
      onLog({ at, partition: id, execution: 1, attempt: 1, stream, text });
  }

  onUpload({ ordinal, name, file }: UploadRequest): Promise<FileRef> {
    return this.trial.stage.put(`${ordinal}/${artifactFile(name)}`, { file });
  }

  onRoom(bytes: number): Promise<void> {
    return assertRoom(this.trial.unit.scratch, bytes);
  }

  onModel(partition: string): Promise<ModelFile | null> {
    return fetchModel(this.trial.unit.models ?? null, partition, this.trial.unit.scratch);
  }

  onDownload({ name, run }: { name: string; run: string | null }): Promise<never> {
    const where = run === null ? 'this run' : `the run "${run}"`;
    return Promise.reject(new NotAvailableInTrial(`context.download("${name}") of ${where}`));
  }

  onSession(): void {}

  waitedSince(): number {
    return 0;
  }

  onLoss(): void {}

  onInterrupted(): void {}

  onHeartbeat(): void {}
}
