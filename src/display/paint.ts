/**
 * Colours have a meaning: green is done, red failed, yellow was stopped, cyan is in progress, dim is
 * secondary.
 */
import { createColors } from 'picocolors';
import type { PartitionStatus, RunStatus } from '../core/status';

export type Paint = ReturnType<typeof createColors>;

/** No colours. */
export const PLAIN: Paint = createColors(false);

type Colour = (text: string) => string;

export function statusColour(status: RunStatus | PartitionStatus, paint: Paint): Colour {
  return paint[STATUS_COLOURS[status]];
}

const STATUS_COLOURS = {
  DONE: 'green',
  SUCCESS: 'green',
  FAILED: 'red',
  FAILURE: 'red',
  INTERNAL_ERROR: 'magenta',
  CANCELLED: 'yellow',
  PARTIAL_FAILURE: 'yellow',
  RUNNING: 'cyan',
  IN_PROGRESS: 'cyan',
  PENDING: 'dim',
  SKIPPED: 'dim',
} as const satisfies Readonly<Record<RunStatus | PartitionStatus, keyof Paint>>;
