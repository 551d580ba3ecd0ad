/** Colour means something: green is done, red went wrong, yellow was stopped, cyan is under way, dim is beside the point. */
import { createColors } from 'picocolors';
import type { PartitionStatus, RunStatus } from '../../core/status';

export type Paint = ReturnType<typeof createColors>;

/** No colours at all. */
export const PLAIN: Paint = createColors(false);

type Colour = (text: string) => string;

export function statusColour(status: RunStatus | PartitionStatus, paint: Paint): Colour {
  switch (status) {
    case 'DONE':
    case 'SUCCESS':
      return paint.green;
    case 'FAILED':
    case 'FAILURE':
      return paint.red;
    case 'INTERNAL_ERROR':
      return paint.magenta;
    case 'CANCELLED':
    case 'PARTIAL_FAILURE':
      return paint.yellow;
    case 'RUNNING':
    case 'IN_PROGRESS':
      return paint.cyan;
    case 'PENDING':
    case 'SKIPPED':
      return paint.dim;
  }
}
