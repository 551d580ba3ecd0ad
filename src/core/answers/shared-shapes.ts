/** Shapes that several answers have in them. */
import type { FileRef } from '../files';
import type { AlikeFailures, ErrorInfo } from '../outcome';
import { count, oneOf, orNull, shapeOf, text, type Check } from '../shape';
import { PARTITION_STATUSES, type StatusCounts } from '../status';

export const version = oneOf(1);
export const counts = shapeOf<StatusCounts>(
  Object.fromEntries(PARTITION_STATUSES.map((status) => [status, count])) as Record<
    keyof StatusCounts,
    Check
  >,
);

export const fileRef = shapeOf<FileRef>({ path: text, bytes: count, sha256: text });
export const error = shapeOf<ErrorInfo>({ type: text, message: text, stack: orNull(text) });
export const failure = shapeOf<{ id: string; error: ErrorInfo }>({ id: text, error });
export const alike = shapeOf<AlikeFailures>({ pattern: text, id: text, error, partitions: count });
