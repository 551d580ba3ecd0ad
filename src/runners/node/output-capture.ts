/**
 * Captures what the user's code writes to the console as log lines with their partition. Runs in the runner.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import { StringDecoder } from 'node:string_decoder';
import { type OutputStream, STREAMS } from '../output-files';
import { keptLine, MAX_LINE } from '../output-reader';
import type { LogLine } from '../protocol';

/** Identifies a call of a partition. */
export interface CallOf {
  ordinal: number;
  attempt: number;
  /** Number of the unit in this process: see `OutputCapture.unit`. */
  unit: number;
}

/** A batch this large is sent immediately, because code that never yields would not reach the next tick. */
const BATCH_LINES = 200;
/** A line after a pause is sent immediately: the code may block next, or kill the process. */
const PAUSE_MS = 20;

export class OutputCapture {
  /** The call that code runs on behalf of, including leftovers of earlier partitions. */
  readonly call = new AsyncLocalStorage<CallOf>();
  /** The call that is running. */
  current: CallOf | null = null;
  /**
   * Number of the running unit. Output of other units' calls is dropped, since their logs are closed.
   */
  unit = 0;
  private batch: LogLine[] = [];
  private scheduled = false;
  private lines = 0;
  private sentAt = 0;
  private sending = false;
  private readonly open: Record<OutputStream, { text: string; decoder: StringDecoder }> = {
    stdout: { text: '', decoder: new StringDecoder('utf8') },
    stderr: { text: '', decoder: new StringDecoder('utf8') },
  };

  constructor(private readonly send: (lines: LogLine[]) => void) {}

  /**
   * Takes over `process.stdout` and `process.stderr`, and so the console. What is written while lines are
   * being sent goes to the original streams. Returns a function that restores them.
   */
  install(): () => void {
    const before = { stdout: process.stdout.write, stderr: process.stderr.write };
    for (const stream of STREAMS) {
      process[stream].write = ((chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
        if (this.sending)
          return before[stream].call(process[stream], chunk as string, encoding as 'utf8', callback as never);
        const bytes =
          typeof chunk === 'string' ? Buffer.from(chunk, encodingOf(encoding)) : (chunk as Uint8Array);
        this.write(stream, this.open[stream].decoder.write(Buffer.from(bytes)));
        const done = typeof encoding === 'function' ? encoding : callback;
        if (typeof done === 'function') process.nextTick(done as () => void);
        return true;
      }) as typeof process.stdout.write;
    }
    this.listen();
    return () => {
      this.flush();
      process.off('exit', this.onExit);
      Object.assign(process.stdout, { write: before.stdout });
      Object.assign(process.stderr, { write: before.stderr });
    };
  }

  /** Output may explain a `process.exit` in the user's code, so it is sent first. */
  private readonly onExit = (): void => this.flush();

  /** Adds the exit listener, unless it is present: the user's code may have removed it. */
  listen(): void {
    if (!process.listeners('exit').includes(this.onExit)) process.on('exit', this.onExit);
  }

  beginUnit(): void {
    this.flush();
    this.current = null;
    this.unit++;
  }

  begin(call: CallOf): void {
    this.flush();
    this.current = call;
    this.lines = 0;
  }

  /** Writes a complete entry, which may have several lines. */
  line(stream: OutputStream, text: string): void {
    this.write(stream, `${text}\n`);
  }

  /** Sends everything, including unfinished lines. */
  flush(): void {
    for (const stream of STREAMS) {
      const { text } = this.open[stream];
      this.open[stream].text = '';
      if (text !== '') this.add(stream, text);
    }
    this.sendBatch();
  }

  private write(stream: OutputStream, text: string): void {
    const open = this.open[stream];
    const lines = (open.text + text).split('\n');
    open.text = lines.pop()!;
    for (const line of lines) this.add(stream, line);
    if (open.text.length > MAX_LINE) {
      this.add(stream, open.text);
      open.text = '';
    }
  }

  private add(stream: OutputStream, line: string): void {
    const call = this.call.getStore() ?? this.current;
    if (call !== null && call.unit !== this.unit) return;
    const text = keptLine(line, ++this.lines);
    if (text === null) return;
    const at = new Date().toISOString();
    const { ordinal = null, attempt = null } = call ?? {};
    this.batch.push({ at, ordinal, attempt, stream, text });
    if (this.batch.length >= BATCH_LINES || performance.now() - this.sentAt >= PAUSE_MS) this.sendBatch();
    else if (!this.scheduled) {
      this.scheduled = true;
      setImmediate(() => {
        this.scheduled = false;
        this.sendBatch();
      });
    }
  }

  private sendBatch(): void {
    if (this.batch.length === 0) return;
    const lines = this.batch;
    this.batch = [];
    this.sentAt = performance.now();
    this.sending = true;
    try {
      this.send(lines);
    } finally {
      this.sending = false;
    }
  }
}

function encodingOf(value: unknown): BufferEncoding {
  return typeof value === 'string' ? (value as BufferEncoding) : 'utf8';
}
