/**
 * Failures of a run that are alike, gathered as they are read: a number for each partition, and an object for
 * each group. Pure.
 */
import { errorPattern } from '../core/failures/alike';
import type { ErrorInfo } from '../core/outcome';
import { userPlace, type StackPlace } from '../core/stack-place';
import { isFailure, type FailureStatus } from '../core/status';
import type { RunRecord } from './fold';
import type { LiveOverlay } from './overlay';
import { wasStopped } from './run-state';
import type { BlockOfEnds, EndsSink, PartitionEnd } from './unit-ends';

/** Groups by pattern; as many again by type alone. */
const MAX_GROUPS = 254;
const MAX_EXAMPLES = 3;

/** A partition that failed. */
export interface FailureExample {
  ordinal: number;
  id: string;
  status: FailureStatus;
  error: ErrorInfo;
}

/**
 * Partitions that failed alike: with errors of one type, one message (but for what differs between
 * partitions) and one place.
 */
export interface FailureGroup {
  /**
   * The error's class name, or one of Partwise's own, such as `Timeout`. Null: of several types, see
   * `pattern`.
   */
  type: string | null;
  /**
   * Type and message, with ◦ in place of the partition's key, of numbers and of quoted values; at most 300
   * characters. Null: a run has at most 254 groups by pattern. What fails in yet other ways is grouped by its
   * type, and beyond 254 types in one group.
   */
  pattern: string | null;
  /**
   * Where the user's own code threw, by the stack. Null: no stack says so. Of many failures only the first
   * have a stack; those without one are in the group of their type and pattern, where there is one group
   * alone.
   */
  place: StackPlace | null;
  /** How many partitions. */
  count: number;
  /** Of these partitions, ascending. */
  ordinals: Int32Array;
  /** When the first and the last of them failed: ISO 8601 UTC. */
  firstAt: string;
  lastAt: string;
  /** Number of the first execution in which one of them failed. */
  firstExecution: number;
  /** The first few that were read. */
  examples: FailureExample[];
}

/** A group while it grows. */
interface Group extends Pick<FailureGroup, 'type' | 'pattern' | 'place'> {
  number: number;
  firstMs: number;
  lastMs: number;
  firstExecution: number;
  examples: (Omit<FailureExample, 'id'> & { id: string | null })[];
}

type End = Pick<PartitionEnd, 'outcome' | 'execution'>;

/**
 * A group whose examples may lack their ids: of units that were lost, the partition index alone knows them.
 */
export type FoundGroup = Omit<FailureGroup, 'examples'> & { examples: Group['examples'] };

export class FailuresOfEnds implements EndsSink {
  readonly #groups = new Map<string, Group>();
  readonly #byNumber: Group[] = [];
  #groupsByPattern = 0;
  /** By ordinal: the number of its group, from 1; 0: no end is known; -1: it ended otherwise. */
  readonly #groupOf: Int32Array;

  constructor(private readonly record: RunRecord) {
    this.#groupOf = new Int32Array(record.plan?.partitions ?? 0);
  }

  has(ordinal: number): boolean {
    return this.#groupOf[ordinal] !== 0;
  }

  addBlock({ block }: BlockOfEnds): void {
    for (const ordinal of block.ordinals) this.#groupOf[ordinal] = -1;
  }

  addEnd(end: End): void {
    const { status, error, ordinal } = end.outcome;
    this.#groupOf[ordinal] = isFailure(status) ? this.#add(end, status, error ?? UNKNOWN) : -1;
  }

  addThrown(end: PartitionEnd): void {
    // A stopped run tries nothing again.
    if (wasStopped(this.record) && this.record.waiting.has(end.outcome.ordinal)) this.addEnd(end);
  }

  addCalls(): void {}

  /** The largest first. `overlay`: with failures that history does not name yet. */
  finish(overlay: LiveOverlay | null): FoundGroup[] {
    const { execution } = this.record.plan!;
    for (const outcome of overlay?.ended.values() ?? [])
      if (!this.has(outcome.ordinal)) this.addEnd({ outcome, execution });
    const into = this.#merged();
    const counts = new Int32Array(this.#byNumber.length);
    const groupAt = (ordinal: number): number => into[this.#groupOf[ordinal]! - 1] ?? -1;
    for (let ordinal = 0; ordinal < this.#groupOf.length; ordinal++) {
      const number = groupAt(ordinal);
      if (number >= 0) counts[number]!++;
    }
    const ordinals = Array.from(counts, (count) => new Int32Array(count));
    const filled = new Int32Array(counts.length);
    for (let ordinal = 0; ordinal < this.#groupOf.length; ordinal++) {
      const number = groupAt(ordinal);
      if (number >= 0) ordinals[number]![filled[number]!++] = ordinal;
    }
    return this.#byNumber
      .filter(({ number }) => counts[number]! > 0)
      .map((group) => ({
        type: group.type,
        pattern: group.pattern,
        place: group.place,
        count: counts[group.number]!,
        ordinals: ordinals[group.number]!,
        firstAt: new Date(group.firstMs).toISOString(),
        lastAt: new Date(group.lastMs).toISOString(),
        firstExecution: group.firstExecution,
        examples: group.examples,
      }))
      .sort((a, b) => b.count - a.count);
  }

  #add({ outcome, execution }: End, status: FailureStatus, error: ErrorInfo): number {
    const { ordinal, id, startedAt, durationMs } = outcome;
    const group = this.#groupFor(error, id);
    const endedMs = Date.parse(startedAt) + durationMs;
    group.firstMs = Math.min(group.firstMs, endedMs);
    group.lastMs = Math.max(group.lastMs, endedMs);
    group.firstExecution = Math.min(group.firstExecution, execution);
    if (group.examples.length < MAX_EXAMPLES) group.examples.push({ ordinal, id, status, error });
    return group.number + 1;
  }

  #groupFor(error: ErrorInfo, id: string | null): Group {
    const pattern = errorPattern(error, id);
    const place = userPlace(error.stack);
    const known = this.#groups.get(keyOf(error.type, pattern, place));
    if (known !== undefined) return known;
    if (this.#groupsByPattern < MAX_GROUPS) {
      this.#groupsByPattern++;
      return this.#newGroup(error.type, pattern, place);
    }
    const ofType = this.#groups.get(keyOf(error.type, null, null));
    if (ofType !== undefined) return ofType;
    const isRoom = this.#byNumber.length < 2 * MAX_GROUPS;
    const type = isRoom ? error.type : null;
    return this.#groups.get(keyOf(type, null, null)) ?? this.#newGroup(type, null, null);
  }

  #newGroup(type: string | null, pattern: string | null, place: StackPlace | null): Group {
    const group: Group = {
      number: this.#byNumber.length,
      type,
      pattern,
      place,
      firstMs: Infinity,
      lastMs: -Infinity,
      firstExecution: Infinity,
      examples: [],
    };
    this.#byNumber.push(group);
    this.#groups.set(keyOf(type, pattern, place), group);
    return group;
  }

  /**
   * By number, the group that each goes into: those without a place join the one that has their type and
   * pattern, if it is one.
   */
  #merged(): number[] {
    const into = this.#byNumber.map(({ number }) => number);
    const placed = new Map<string, Group[]>();
    for (const group of this.#byNumber) {
      if (group.place === null) continue;
      const key = keyOf(group.type, group.pattern, null);
      placed.set(key, [...(placed.get(key) ?? []), group]);
    }
    for (const group of this.#byNumber) {
      const [other, ...more] = placed.get(keyOf(group.type, group.pattern, null)) ?? [];
      if (group.place !== null || other === undefined || more.length > 0) continue;
      into[group.number] = other.number;
      other.firstMs = Math.min(other.firstMs, group.firstMs);
      other.lastMs = Math.max(other.lastMs, group.lastMs);
      other.firstExecution = Math.min(other.firstExecution, group.firstExecution);
      other.examples.push(...group.examples.slice(0, MAX_EXAMPLES - other.examples.length));
    }
    return into;
  }
}

const UNKNOWN: ErrorInfo = { type: 'Error', message: 'No reason was recorded.', stack: null };

function keyOf(type: string | null, pattern: string | null, place: StackPlace | null): string {
  return JSON.stringify([type, pattern, place?.file, place?.line]);
}
