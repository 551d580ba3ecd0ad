/**
 * Log lines of a run, read from the stage: numbered segments in each attempt's folder. Unlike everything
 * else, they are read without being recorded in history (I3), so that logs of lost attempts are included.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ordinalsInUnit, type RunRecord } from '../../history/fold';
import { spansOne } from '../../core/units/cut-units';
import { executionFolder, unitFolder, type ExecutionPlace } from '../../stored/layout';
import { logEntry, segmentsIn } from './log-segments';
import { refuseRemoved } from '../removed-files';
import type { LogLine } from '../../runners/protocol';
import type { Stage } from '../../stage';
import type { LogEntry } from '../log-types';

/** How often a follower checks for new segments; they are written at most once a second. */
const POLL_MS = 1_000;

export interface LogSource {
  stage: Stage;
  /** Returns the id of a partition. */
  idOf: (ordinal: number) => Promise<string>;
}

/** Reads each segment only once. */
export class LogReader {
  readonly #read = new Set<string>();
  /** Units whose log is complete and has been read. */
  readonly #finished = new Set<string>();

  /** With `ordinal`, only lines of that partition. */
  constructor(
    private readonly source: LogSource,
    private readonly ordinal: number | null,
  ) {}

  /**
   * Lines that have not been read yet, in key order of partitions, and in order of writing within a
   * partition.
   */
  async *fresh(record: RunRecord): AsyncGenerator<LogEntry> {
    for (const { generation, execution } of record.opened?.earlier ?? []) {
      const { runId, generation: own } = record.opened!;
      if (generation === own) yield* this.#earlier({ runId, generation, execution });
    }
    const units = [...record.units.values()].filter(
      ({ task }) => this.ordinal === null || (task.from <= this.ordinal && this.ordinal <= task.to),
    );
    units.sort((a, b) => a.task.from - b.task.from || a.task.round - b.task.round);
    for (const unit of units) {
      if (this.#finished.has(unit.activityId)) continue;
      // Determined before reading the folder: lines of a unit that ends in the meantime are found the next
      // time.
      const ended = unit.end !== null;
      const { task, activityId } = unit;
      const alone = spansOne(task) ? ordinalsInUnit(task)[0]! : null;
      yield* this.#segments(task, unitFolder(task, activityId), alone);
      if (ended) this.#finished.add(activityId);
    }
    if (this.#read.size === 0 && record.closed !== null)
      await refuseRemoved(this.source.stage, record.opened!);
  }

  /** Reads the log of an earlier execution of the generation once, because it has ended. */
  async *#earlier(place: ExecutionPlace): AsyncGenerator<LogEntry> {
    const folder = executionFolder(place);
    if (this.#finished.has(folder)) return;
    yield* this.#segments(place, folder, null);
    this.#finished.add(folder);
  }

  /** `alone` is the partition of lines without one. */
  async *#segments(executed: ExecutionPlace, folder: string, alone: number | null): AsyncGenerator<LogEntry> {
    for (const segment of await segmentsIn(this.source.stage, folder)) {
      const { path } = segment;
      if (this.#read.has(path)) continue;
      this.#read.add(path);
      for (const line of linesOf(await this.source.stage.get(path))) {
        const ordinal = line.ordinal ?? alone;
        if (this.ordinal !== null && ordinal !== this.ordinal) continue;
        const partition = ordinal === null ? null : await this.source.idOf(ordinal);
        yield logEntry(line, segment, executed, partition);
      }
    }
  }
}

/** Waits until the next poll. Returns false if `signal` was aborted. */
export async function waitForNextPoll(signal: AbortSignal | undefined): Promise<boolean> {
  await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  return signal?.aborted !== true;
}

function linesOf(segment: Uint8Array): LogLine[] {
  return Buffer.from(segment)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);
}
