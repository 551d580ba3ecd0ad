/**
 * How an execution ended, in the memo `END_MEMO`: lists of runs show it, and the server lists it, so that
 * they need no request per run. The end itself is the execution's last event.
 */
import { everyCount, totals } from './answers/shared-shapes';
import type { ErrorInfo } from './outcome';
import { count, flag, oneOf, orNull, shapeOf, text } from './shape';
import { RUN_STATUSES, type RunStatus, type StatusCounts } from './status';
import type { RunSummary } from './tasks';

/** An error in one line. */
export interface ShortError {
  type: string;
  /** The first line of the message, at most 200 characters. */
  message: string;
}

export interface ExecutionEnd {
  status: RunStatus;
  /** False if it ended before it was planned, so that it does not count as the run. */
  planned: boolean;
  /** Null if not recorded. */
  counts: (StatusCounts & { total: number }) | null;
  /** Number of rows of all partitions; null if not recorded. */
  rows: number | null;
  error: ShortError | null;
}

export interface EndMemo extends ExecutionEnd {
  version: 1;
}

/** `status` is that of an execution without a summary. */
export function executionEnd(
  summary: RunSummary | null,
  error: ErrorInfo | null,
  otherwise: { status: RunStatus; planned: boolean },
): ExecutionEnd {
  return {
    status: summary?.status ?? otherwise.status,
    planned: summary !== null || otherwise.planned,
    counts: summary?.counts ?? null,
    rows: summary?.rows ?? null,
    error: error === null ? null : shortError(error),
  };
}

const MAX_MESSAGE = 200;

function shortError({ type, message }: ErrorInfo): ShortError {
  const [line = ''] = message.slice(0, 4 * MAX_MESSAGE).split(/[\r\n]/, 1);
  const characters = Array.from(line);
  const isLong = characters.length > MAX_MESSAGE;
  return { type, message: isLong ? `${characters.slice(0, MAX_MESSAGE - 1).join('')}…` : line };
}

const memo = shapeOf<EndMemo>({
  version: oneOf(1),
  status: oneOf(...RUN_STATUSES),
  planned: flag,
  counts: orNull(totals),
  rows: orNull(count),
  error: orNull(shapeOf<ShortError>({ type: text, message: text })),
});

/** Null for anything else: anyone who starts a workflow can give it any memo. */
export function asExecutionEnd(value: unknown): ExecutionEnd | null {
  if (!memo(value)) return null;
  const { status, planned, counts, rows, error } = value as EndMemo;
  return { status, planned, counts: counts === null ? null : everyCount(counts), rows, error };
}
