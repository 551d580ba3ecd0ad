/** Shapes that several answers have in them. */
import type { FileRef } from '../files';
import type { AlikeFailures, ErrorInfo } from '../outcome';
import { count, oneOf, optional, orNull, shapeOf, text, type ShapeTest } from '../shape';
import { noCounts, PARTITION_STATUSES, type StatusCounts } from '../status';

export const version = oneOf(1);
/** Earlier releases have no counts of statuses that were added after them. */
export const counts = shapeOf<StatusCounts>(countsOf(PARTITION_STATUSES));

/** `counts` with the number of partitions. */
export const totals: ShapeTest = (value) => counts(value) && count((value as { total?: unknown }).total);

export function countsOf<T extends string>(statuses: readonly T[]): Record<T, ShapeTest> {
  return Object.fromEntries(statuses.map((status) => [status, optional(count)])) as Record<T, ShapeTest>;
}

/** With 0 for each count that is missing. */
export function everyCount<T extends Partial<StatusCounts>>(counted: T): T & StatusCounts {
  return { ...noCounts(), ...counted };
}

export const fileRef = shapeOf<FileRef>({ path: text, bytes: count, sha256: text });
export const error = shapeOf<ErrorInfo>({ type: text, message: text, stack: orNull(text) });
export const failure = shapeOf<{ id: string; error: ErrorInfo }>({ id: text, error });
export const alike = shapeOf<AlikeFailures>({ pattern: text, id: text, error, partitions: count });
