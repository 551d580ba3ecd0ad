/**
 * Pages of one partition's log.
 *
 * The log is the sequence of its units' segments: those of earlier executions first, then in the order in
 * which the units were scheduled. Segments are written once and new ones come last, so a line's position,
 * which is the sum of the stored sizes before its segment plus its offset there, does not change while the
 * log grows. A page reads the segments that it shows, from the end or from a position.
 */
import { spansOne } from '../../core/units/cut-units';
import type { RunRecord } from '../../history/fold';
import type { LogLine } from '../../runners/protocol';
import type { Stage } from '../../stage';
import { executionFolder, unitFolder, type ExecutionPlace } from '../../stored/layout';
import { refuseRemoved } from '../removed-files';
import type { RunReader } from '../run-reader';
import type { LogEntry, LogPage, LogPageOptions } from '../log-types';
import { countLines, linesBackward, linesForward, mayBeOf, type LinesOf } from './log-bytes';
import { logEntry, segmentsIn, type LogSegment } from './log-segments';

const DEFAULT_LINES = 500;
const MAX_LINES = 2_000;
/** How much of a log one page reads. */
const MAX_SCANNED_BYTES = 64 * 1024 * 1024;

interface Partition {
  id: string;
  ordinal: number;
}

/** A segment of the partition's log. */
interface Part {
  segment: LogSegment;
  /** Position of its first byte. */
  start: number;
  lines: LinesOf;
  place: ExecutionPlace;
}

interface Wanted extends Omit<LogPageOptions, 'limit' | 'search'> {
  limit: number;
  /** In lower case: the text, and how JSON writes it, to save parsing lines without it. */
  search: { text: string; json: string } | null;
}

/** Throws `RangeError` with all problems. */
export function checkedLogPage({ limit = DEFAULT_LINES, search, ...options }: LogPageOptions): Wanted {
  const { after, before } = options;
  const problems: string[] = [];
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LINES)
    problems.push(`"limit" is ${limit}; it takes a whole number from 1 to ${MAX_LINES}.`);
  if (after !== undefined && (!Number.isSafeInteger(after) || after < -1))
    problems.push(`"after" is ${after}; it takes a position, or -1 for the beginning of the log.`);
  if (before !== undefined && (!Number.isSafeInteger(before) || before < 0))
    problems.push(`"before" is ${before}; it takes a position.`);
  if (after !== undefined && before !== undefined)
    problems.push('"after" and "before" are two directions: pass one of them.');
  if (problems.length > 0) throw new RangeError(problems.join(' '));
  return {
    ...options,
    limit,
    search: search === undefined || search === '' ? null : searchedFor(search.toLowerCase()),
  };
}

function searchedFor(text: string): Wanted['search'] {
  return { text, json: JSON.stringify(text).slice(1, -1) };
}

export async function logPage(
  reader: RunReader,
  record: RunRecord,
  partition: Partition,
  wanted: Wanted,
): Promise<LogPage> {
  const stage = reader.stage(record)!;
  const parts = await partsOf(reader, record, stage, partition.ordinal);
  if (parts.length === 0 && record.closed !== null) await refuseRemoved(stage, record.opened!);
  const last = parts.at(-1);
  const totalBytes = last === undefined ? 0 : last.start + last.segment.bytes;
  const found = await new Scan(reader, stage, partition, wanted).through(parts, totalBytes);
  return { ...found, totalBytes, atEnd: found.next >= totalBytes - 1 };
}

/** The segments of the units that ran the partition. */
async function partsOf(reader: RunReader, record: RunRecord, stage: Stage, ordinal: number): Promise<Part[]> {
  const parts: Part[] = [];
  const add = async (place: ExecutionPlace, folder: string, alone: boolean): Promise<void> => {
    for (const segment of await segmentsIn(stage, folder)) {
      const before = parts.at(-1);
      const start = before === undefined ? 0 : before.start + before.segment.bytes;
      parts.push({ segment, start, lines: { ordinal, alone }, place });
    }
  };
  const addUnits = async ({ units }: RunRecord): Promise<void> => {
    for (const { task, activityId } of units.values()) {
      if (task.from <= ordinal && ordinal <= task.to)
        await add(task, unitFolder(task, activityId), spansOne(task));
    }
  };
  const { earlier = [], generation: own, runId = '' } = record.opened ?? {};
  for (const { workflowRunId, generation, execution } of earlier) {
    if (generation !== own) continue;
    const place = { runId, generation, execution };
    const past = await recordAt(reader, workflowRunId);
    // Without its history, it is not known which of its units ran the partition.
    await (past === null ? add(place, executionFolder(place), false) : addUnits(past));
  }
  await addUnits(record);
  return parts;
}

/** Null if it cannot be read from here any more. */
async function recordAt(reader: RunReader, workflowRunId: string): Promise<RunRecord | null> {
  try {
    return await reader.at(workflowRunId).record();
  } catch {
    return null;
  }
}

/** A line of the page, with the number of the partition's lines before it in its segment. */
interface FoundLine {
  entry: LogEntry;
  part: Part;
  position: number;
  before: number;
}

type Found = Pick<LogPage, 'lines' | 'scannedBytes' | 'previous' | 'next'>;

/** Reads segments in one direction until the page is full. */
class Scan {
  #scanned = 0;
  readonly #lines: FoundLine[] = [];

  constructor(
    private readonly reader: RunReader,
    private readonly stage: Stage,
    private readonly partition: Partition,
    private readonly wanted: Wanted,
  ) {}

  async through(parts: readonly Part[], totalBytes: number): Promise<Found> {
    const { after, before } = this.wanted;
    const forward = after !== undefined;
    const from = forward ? after + 1 : 0;
    const to = Math.min(before ?? totalBytes, totalBytes);
    const inRange = parts.filter(({ start, segment }) => start < to && start + segment.bytes > from);
    /** The last position that was looked at. */
    let reached: number | null = null;
    for (const part of forward ? inRange : inRange.toReversed()) {
      reached = await this.#part(part, { from, to, forward });
      if (reached !== null) break;
    }
    this.#lines.sort((a, b) => a.position - b.position);
    const numbers = await this.#numbers(parts);
    const lines = this.#lines.map(({ entry, position }, i) => ({
      ...entry,
      position,
      number: numbers[i] ?? null,
    }));
    const first = forward ? from : (reached ?? 0);
    const next = forward ? (reached ?? Math.max(after, totalBytes - 1)) : to - 1;
    const previous = first <= 0 || parts.length === 0 ? null : first;
    return { lines, scannedBytes: this.#scanned, previous, next };
  }

  /** The position at which the page is complete; null if the next segment is needed. */
  async #part(
    part: Part,
    { from, to, forward }: { from: number; to: number; forward: boolean },
  ): Promise<number | null> {
    const { start, segment } = part;
    const content = await this.#read(part);
    this.reader.logLines.add(segment.path, part.lines, content);
    const lines = (forward ? linesForward : linesBackward)(content, from - start, to - start);
    const found: FoundLine[] = [];
    let reached: number | null = null;
    for (const { offset, bytes } of lines) {
      this.#scanned += bytes.length + 1;
      const entry = this.#match(part, bytes.toString('utf8'));
      const position = start + offset;
      if (entry !== null) found.push({ entry, part, position, before: 0 });
      const isFull = this.#lines.length + found.length >= this.wanted.limit;
      if (!isFull && this.#scanned < MAX_SCANNED_BYTES) continue;
      reached = position;
      break;
    }
    let [counted, before] = [0, 0];
    for (const line of forward ? found : found.toReversed()) {
      const offset = line.position - start;
      before += countLines(content.subarray(counted, offset), part.lines);
      counted = offset;
      line.before = before;
    }
    this.#lines.push(...found);
    return reached;
  }

  #match({ lines, segment, place }: Part, text: string): LogEntry | null {
    const { search, stream, attempt, execution } = this.wanted;
    if (!mayBeOf(lines, text)) return null;
    if (search !== null && !text.toLowerCase().includes(search.json)) return null;
    const line = JSON.parse(text) as LogLine;
    if ((line.ordinal ?? (lines.alone ? lines.ordinal : null)) !== lines.ordinal) return null;
    if (search !== null && !line.text.toLowerCase().includes(search.text)) return null;
    const entry = logEntry(line, segment, place, this.partition.id);
    const fits =
      (stream === undefined || entry.stream === stream) &&
      (attempt === undefined || entry.attempt === attempt) &&
      (execution === undefined || entry.execution === execution);
    return fits ? entry : null;
  }

  /** Numbers of the lines, as far as the segments before them are counted or can be without a download. */
  async #numbers(parts: readonly Part[]): Promise<number[]> {
    const numbers: number[] = [];
    const last = this.#lines.at(-1)?.part;
    let before = 0;
    for (const part of parts) {
      const { segment, lines } = part;
      for (const line of this.#lines) if (line.part === part) numbers.push(before + line.before + 1);
      if (part === last || last === undefined) break;
      const known = this.reader.logLines.get(segment.path, lines);
      if (known === undefined && !this.stage.isLocal) break;
      before += known ?? this.reader.logLines.add(segment.path, lines, await this.#read(part));
    }
    return numbers;
  }

  async #read({ segment }: Part): Promise<Buffer> {
    return Buffer.from(await this.stage.get(segment.path));
  }
}
