/** Live progress of a run on standard error: a progress bar on a terminal, an occasional line elsewhere. */
import type { ErrorInfo } from '../core/outcome';
import { isFailure, type PartitionStatus, type StatusCounts } from '../core/status';
import type { RunState } from '../history/state';
import { countsBar, countsText } from './counts';
import { failureLine } from './failure-line';
import { LiveLines } from './live-lines';
import { durationText } from './measures';
import { errorPaint, note, widthOfTerminal } from './stderr';
import { clean, cut, plural, readable, widthOf } from './text';
import { nextAttemptText, retryLine, waitingText } from './waiting';

/** What is shown of a run's events. */
export type ShownEvent =
  | { type: 'planned'; plan: ShownPlan }
  | { type: 'progress'; state: RunState; running: readonly string[] }
  | { type: 'partition'; partition: { id: string; status: PartitionStatus; error: ErrorInfo | null } }
  | { type: 'ended' };

interface ShownPlan {
  partitions: number;
  toRun: number;
  rows: number;
  units: number;
}

const BAR_WIDTH = 30;
/** Shorter ones could not show every status. */
const MIN_BAR_WIDTH = 8;
const GAP = '  ';
/** Number of failed partitions whose errors are shown; `partwise partitions` lists all of them. */
const MAX_FAILURES = 20;
/** Number of waiting retries that are announced; `partwise status` shows those of the moment. */
const MAX_RETRIES = 20;
const LINE_EVERY_MS = 1_000;
/** An earlier estimate would fluctuate too much. */
const ETA_AFTER_MS = 3_000;
/** One line per tenth of the partitions. */
const LINE_STEPS = 10;

/** Displays in use: if there are several, what they print begins with the run's id. */
const shown = new Set<ProgressDisplay>();

/** Shows one run, until `stop`. */
export class ProgressDisplay {
  readonly #named = (text: string): string => (shown.size > 1 ? `${clean(this.runId)}: ${text}` : text);
  readonly #view: Bar | Lines;
  #failures = 0;
  #waiting = '';
  /** Retries that were announced. */
  readonly #retries = new Set<string>();

  constructor(
    private readonly runId: string,
    private readonly stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> = process.stderr,
  ) {
    this.#view = stream.isTTY ? new Bar(this.#named) : new Lines(this.#named);
    shown.add(this);
  }

  show(event: ShownEvent): void {
    switch (event.type) {
      case 'planned':
        return this.#note(errorPaint.dim(planned(event.plan)));
      case 'progress':
        this.#showWaiting(event.state);
        this.#showRetries(event.state);
        return this.#view.update(event.state, event.running);
      case 'partition':
        if (isFailure(event.partition.status)) this.#showFailure(event.partition);
        return;
      case 'ended':
        return;
    }
  }

  stop(): void {
    this.#view.stop();
    shown.delete(this);
  }

  #showWaiting({ waiting }: RunState): void {
    const text = waiting === null ? '' : waitingText(waiting);
    if (text !== '' && text !== this.#waiting) this.#note(errorPaint.dim((this.#waiting = text)));
  }

  /** Each once, when its time is known: until then, others may join it. */
  #showRetries({ retries }: RunState): void {
    for (const retry of retries.first) {
      const key = `${retry.label} ${retry.attempt}`;
      if (retry.at === null || this.#retries.has(key) || this.#retries.size > MAX_RETRIES) continue;
      this.#retries.add(key);
      this.#note(
        this.#retries.size <= MAX_RETRIES
          ? retryLine(retry, Date.now(), this.#width, errorPaint)
          : errorPaint.dim('  … partwise status shows what else waits for another attempt'),
      );
    }
  }

  #showFailure(partition: { id: string; error: ErrorInfo | null }): void {
    this.#failures++;
    if (this.#failures > MAX_FAILURES + 1) return;
    this.#note(
      this.#failures <= MAX_FAILURES
        ? failureLine(partition, this.#width, errorPaint)
        : errorPaint.dim('  … partwise failures lists the causes of all failures'),
    );
  }

  /** For a line, with the run's name before it. */
  get #width(): number {
    return widthOfTerminal(this.stream) - widthOf(this.#named(''));
  }

  #note(text: string): void {
    note(this.#named(text));
  }
}

/** `46 partitions, 8,602 rows`; for a retry, `4 of 46 partitions to run`. */
function planned({ partitions, toRun, rows, units }: ShownPlan): string {
  const batches =
    units === toRun ? '' : units === 1 ? ', in one batch' : `, in ${units.toLocaleString('en')} batches`;
  return toRun === partitions
    ? `${plural(partitions, 'partition')}, ${plural(rows, 'row')}${batches}`
    : `${toRun.toLocaleString('en')} of ${plural(partitions, 'partition')} to run${batches}`;
}

const liveLines = new LiveLines((text) => void process.stderr.write(text));

class Bar {
  #remove: (() => void) | null = null;
  #latest: { state: RunState; running: readonly string[] } | null = null;
  /** When and at which count the display started; `watch` may start in the middle of a run. */
  #started: { at: number; finished: number } | null = null;

  constructor(private readonly named: (text: string) => string) {}

  update(state: RunState, running: readonly string[]): void {
    if (state.counts.total === 0) return;
    this.#latest = { state, running };
    this.#remove ??= liveLines.add(() => this.#text());
  }

  stop(): void {
    this.#remove?.();
    this.#remove = null;
  }

  #text(): string {
    const { state, running } = this.#latest!;
    const pausing = running.length === 0 ? nextRetry(state) : '';
    const left = state.paused ? '  PAUSED' : pausing === '' ? this.#left(state) : '';
    const head = this.named(`${finished(state)}/${state.counts.total}${left}`);
    const now = pausing || running.map(readable).join(', ');
    return barLine(state.counts, head, now, process.stderr.columns || widthOfTerminal(process.stderr));
  }

  /** `, 12 s left`, at the speed so far; empty while there is too little to estimate from. */
  #left(state: RunState): string {
    this.#started ??= { at: Date.now(), finished: finished(state) };
    const done = finished(state) - this.#started.finished;
    const left = state.counts.total - finished(state);
    const since = Date.now() - this.#started.at;
    if (done === 0 || left === 0 || since < ETA_AFTER_MS) return '';
    return `, ${durationText((since / done) * left).replace(/\.\d/, '')} left`;
  }
}

/** What comes next while nothing runs: `attempt 2 of 3 in 4 s: City 3 and 2 more`. */
function nextRetry({ retries: { first, partitions } }: RunState): string {
  const [next] = first;
  if (next === undefined) return '';
  const others = partitions - next.partitions;
  const more = others > 0 ? ` and ${others} more` : '';
  return `${nextAttemptText(next, Date.now())}: ${readable(next.label)}${more}`;
}

/** `████▒▒░░  5/8  North, South`, narrower than the terminal: a line that wraps cannot be drawn again. */
export function barLine(counts: StatusCounts, head: string, now: string, width: number): string {
  const left = width - 1 - widthOf(head);
  const bar = Math.min(BAR_WIDTH, left - GAP.length);
  if (bar < MIN_BAR_WIDTH) return cut(head, width - 1);
  const room = left - bar - 2 * GAP.length;
  const text = room < 1 ? '' : GAP + errorPaint.dim(cut(now, room));
  return `${countsBar(counts, bar, errorPaint)}${GAP}${head}${text}`;
}

class Lines {
  #step = 0;
  #at = 0;
  #paused = false;
  #latest: RunState | null = null;
  #later: NodeJS.Timeout | null = null;

  constructor(private readonly named: (text: string) => string) {}

  update(state: RunState): void {
    const { total } = state.counts;
    if (total === 0) return;
    if (state.paused !== this.#paused && state.status === 'IN_PROGRESS') {
      this.#paused = state.paused;
      const by = state.pausedBy === null ? '' : ` by ${clean(state.pausedBy)}`;
      note(this.named(state.paused ? `PAUSED${by}: no more partitions are started.` : 'Resumed.'));
    }
    this.#latest = state;
    if (finished(state) === total) this.#write();
    else this.#later ??= setTimeout(() => this.#write(), Math.max(0, this.#at + LINE_EVERY_MS - Date.now()));
  }

  stop(): void {
    if (this.#later !== null) clearTimeout(this.#later);
    this.#later = null;
  }

  #write(): void {
    this.stop();
    const { counts } = this.#latest!;
    const done = finished(this.#latest!);
    const step = Math.floor((done / counts.total) * LINE_STEPS);
    if (step <= this.#step) return;
    this.#step = step;
    this.#at = Date.now();
    note(this.named(`${done} of ${counts.total} partitions: ${countsText(counts, errorPaint)}`));
  }
}

function finished({ counts }: RunState): number {
  return counts.total - counts.PENDING - counts.RUNNING;
}
