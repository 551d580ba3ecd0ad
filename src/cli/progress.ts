/** Live progress of a run: a progress bar on a terminal, an occasional line elsewhere. */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { PartitionView, RunState } from '..';
import { countsBar, countsText } from './render/counts';
import { durationText } from './render/measures';
import { failureLine } from './render/partitions';
import { clean, cut } from './render/text';
import { errorPaint, note, redirectNotes, widthOfTerminal } from './terminal';

export interface ProgressDisplay {
  /** Call when the counts have changed. `running` contains the labels of the units in progress. */
  update(state: RunState, running: readonly string[]): void;
  /** Call when a partition has failed. */
  failed(partition: PartitionView): void;
  stop(): void;
}

const BAR_WIDTH = 30;
/** Number of failed partitions whose errors are shown; `partwise partitions` lists all of them. */
const MAX_FAILURES = 20;
const LINE_EVERY_MS = 1_000;
/** An earlier estimate would fluctuate too much. */
const ETA_AFTER_MS = 3_000;
/** One line per tenth of the partitions. */
const LINE_STEPS = 10;

export function showProgress(stream: NodeJS.WriteStream = process.stderr): ProgressDisplay {
  const write = stream.isTTY ? new Bar() : new Lines();
  let failures = 0;
  return {
    update: (state, running) => write.update(state, running),
    failed(partition) {
      failures++;
      if (failures > MAX_FAILURES + 1) return;
      note(
        failures <= MAX_FAILURES
          ? failureLine(partition, widthOfTerminal(stream), errorPaint)
          : errorPaint.dim('  … partwise failures lists the causes of all failures'),
      );
    },
    stop: () => write.stop(),
  };
}

class Bar {
  readonly #bars = new MultiBar({
    stream: process.stderr,
    format: (_options, params, payload: { text: string }) => (params.total === 0 ? '' : payload.text),
    hideCursor: true,
    clearOnComplete: true,
    // The command handles Ctrl-C itself.
    gracefulExit: false,
    emptyOnZero: true,
    fps: 10,
  });
  readonly #restoreNotes = redirectNotes((text) => this.#bars.log(text));
  #bar: SingleBar | null = null;
  /** When and at which count the display started; `watch` may start in the middle of a run. */
  #started: { at: number; finished: number } | null = null;

  update(state: RunState, running: readonly string[]): void {
    const { total } = state.counts;
    if (total === 0) return;
    const text = this.#text(state, running);
    this.#bar ??= this.#bars.create(total, 0, { text });
    this.#bar.update(finished(state), { text });
  }

  stop(): void {
    this.#restoreNotes();
    this.#bars.stop();
  }

  #text(state: RunState, running: readonly string[]): string {
    const head = `${finished(state)}/${state.counts.total}${state.paused ? '  PAUSED' : this.#left(state)}`;
    const width = widthOfTerminal(process.stderr);
    const room = width - BAR_WIDTH - head.length - 6;
    const now = running.length === 0 ? '' : running.map(readable).join(', ');
    return `${countsBar(state.counts, BAR_WIDTH, errorPaint)}  ${head}  ${errorPaint.dim(cut(now, Math.max(1, room)))}`;
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

/** A label with decoded partition ids: `San Marcos`. */
function readable(label: string): string {
  try {
    return clean(decodeURIComponent(label));
  } catch {
    return clean(label);
  }
}

class Lines {
  #step = 0;
  #at = 0;
  #paused = false;
  #latest: RunState | null = null;
  #later: NodeJS.Timeout | null = null;

  update(state: RunState): void {
    const { total } = state.counts;
    if (total === 0) return;
    if (state.paused !== this.#paused && state.status === 'IN_PROGRESS') {
      this.#paused = state.paused;
      note(state.paused ? 'PAUSED: no more partitions are started.' : 'Resumed.');
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
    note(`${done} of ${counts.total} partitions: ${countsText(counts, errorPaint)}`);
  }
}

function finished({ counts }: RunState): number {
  return counts.total - counts.PENDING - counts.RUNNING;
}
