import type { PartitionStatus, RunStatus, StatusCounts } from '../../../core/status';
import { BAR_ORDER, countsText, GLYPHS, RUN_COLOURS } from '../words';

/** A status with its glyph: colour alone would not say it to everyone. */
export function StatusMark({ status }: { status: PartitionStatus | RunStatus }) {
  const colour = status in RUN_COLOURS ? RUN_COLOURS[status as RunStatus] : (status as PartitionStatus);
  return (
    <span class={`status is-${colour.toLowerCase()}`}>
      <i aria-hidden="true">{GLYPHS[status]}</i> {status}
    </span>
  );
}

/** Failures of the smallest share are still seen. */
const LEAST_WIDTH = '2px';

/** One line: the share of each status. */
export function CountsBar({ counts }: { counts: StatusCounts }) {
  const present = BAR_ORDER.filter((status) => counts[status] > 0);
  return (
    <span class="counts-bar" role="img" aria-label={countsText(counts)} title={countsText(counts)}>
      {present.map((status) => (
        <i
          key={status}
          class={`is-${status.toLowerCase()}`}
          style={{ flexGrow: String(counts[status]), minWidth: LEAST_WIDTH }}
        />
      ))}
    </span>
  );
}
