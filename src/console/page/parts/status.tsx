import type { PartitionStatus, RunStatus } from '../../../core/status';
import { GLYPHS, RUN_COLOURS } from '../words';

/** A status with its glyph: colour alone would not say it to everyone. */
export function StatusMark({ status }: { status: PartitionStatus | RunStatus }) {
  const colour = status in RUN_COLOURS ? RUN_COLOURS[status as RunStatus] : (status as PartitionStatus);
  return (
    <span class={`status is-${colour.toLowerCase()}`}>
      <i aria-hidden="true">{GLYPHS[status]}</i> {status}
    </span>
  );
}
