/**
 * Log lines of a run, read from the stage: numbered segments below each attempt's folder. Unlike everything else they are read
 * without being recorded (I3), so that the log of an attempt that was lost is there too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ordinalsOf, type RunRecord, type UnitRecord } from '../history/fold';
import { isSingle } from '../history/overlay';
import { runFolder } from '../run/stage-layout';
import type { LogLine } from '../runners/protocol';
import type { Stage } from '../stage';
import type { LogEntry } from './types';

/** How often a follower looks for new segments; they are put at most once a second. */
const LOOK_AGAIN_MS = 1_000;

export interface LogSource {
  stage: Stage;
  /** Id of a partition. */
  idOf: (ordinal: number) => Promise<string>;
}

/** Reads each segment once, however often it is called. */
export class LogReader {
  readonly #read = new Set<string>();
  /** Units whose log is complete and was read to its end. */
  readonly #finished = new Set<string>();

  /** `ordinal`: only lines of this partition. */
  constructor(
    private readonly source: LogSource,
    private readonly ordinal: number | null,
  ) {}

  /** Lines that were not read before: by partition in key order, within one in the order of writing. */
  async *fresh(record: RunRecord): AsyncGenerator<LogEntry> {
    const units = [...record.units.values()].filter(
      ({ task }) => this.ordinal === null || (task.from <= this.ordinal && this.ordinal <= task.to),
    );
    units.sort((a, b) => a.task.from - b.task.from || a.task.round - b.task.round);
    for (const unit of units) {
      if (this.#finished.has(unit.activityId)) continue;
      // Asked before the folder is read: lines of a unit that ends meanwhile are found the next time.
      const ended = unit.end !== null;
      yield* this.#unit(unit);
      if (ended) this.#finished.add(unit.activityId);
    }
  }

  async *#unit(unit: UnitRecord): AsyncGenerator<LogEntry> {
    const { task, activityId } = unit;
    const folder = `${runFolder(task.runId)}/g${task.generation}/e${task.execution}/u${activityId}/`;
    const segments = (await this.source.stage.list(folder)).flatMap(({ path }) => {
      const match = /\/a(\d+)\/logs\/seg-(\d+)\.jsonl$/.exec(path);
      return match === null || this.#read.has(path)
        ? []
        : [{ path, attempt: Number(match[1]), number: Number(match[2]) }];
    });
    segments.sort((a, b) => a.attempt - b.attempt || a.number - b.number);
    for (const { path, attempt } of segments) {
      this.#read.add(path);
      for (const line of linesOf(await this.source.stage.get(path))) {
        const ordinal = line.ordinal ?? (isSingle(unit) ? ordinalsOf(task)[0]! : null);
        if (this.ordinal !== null && ordinal !== this.ordinal) continue;
        const partition = ordinal === null ? null : await this.source.idOf(ordinal);
        yield { at: line.at, partition, attempt: task.round + attempt, stream: line.stream, text: line.text };
      }
    }
  }
}

/** Waits until it is worth looking again. Returns false when `signal` was aborted. */
export async function lookAgainLater(signal: AbortSignal | undefined): Promise<boolean> {
  await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {});
  return signal?.aborted !== true;
}

function linesOf(segment: Uint8Array): LogLine[] {
  return Buffer.from(segment)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);
}
