/**
 * Groups similar failures of a run as they are read: one number per partition, one object per group. Pure.
 */
import { errorPattern } from '../core/failures/alike';
import type { EndedOutcome, ErrorInfo } from '../core/outcome';
import { userPlace, type StackPlace } from '../core/stack-place';
import { isFailure, type FailureStatus } from '../core/status';
import type { RunRecord } from './fold';
import type { LiveOverlay } from './overlay';
import { failedWithText } from './failed-with';
import { wasStopped } from './run-state';
import type { BlockOfEnds, EndsSink, PartitionEnd } from './unit-ends';

/** Maximum number of groups by pattern; up to the same number again by type alone. */
const MAX_GROUPS = 254;
const MAX_EXAMPLES = 3;

/** A partition that failed. */
export interface FailureExample {
  ordinal: number;
  id: string;
  status: FailureStatus;
  error: ErrorInfo;
  /**
   * sha256 of the bundle of functions that its last call ran: `Project.source` reads the code at the place of
   * the error from it. Null if none ran.
   */
  functionDigest: string | null;
}

/**
 * Partitions that failed in the same way: with errors of the same type, message (except for the parts that
 * differ between partitions) and place.
 */
export interface FailureGroup {
  /**
   * The error's class name, or one of Partwise's own, such as `Timeout`. Null if the group has several types,
   * see `pattern`.
   */
  type: string | null;
  /**
   * Type and message, with ◦ in place of the partition's key, numbers and quoted values; at most 300
   * characters. Null for groups beyond the first 254 patterns of a run: those are grouped by type, and beyond
   * 254 types in a single group.
   */
  pattern: string | null;
  /**
   * Where the user's own code threw, according to the stack. Null if there is no such stack. If there are
   * many failures, only the first have a stack; those without one are in the group with their type and
   * pattern, if there is exactly one.
   */
  place: StackPlace | null;
  /**
   * Text for `RunHandle.retry({ failedWith })` that selects this group and no other. Null if there is none,
   * which is rare: use `ordinals` then.
   */
  failedWith: string | null;
  /** Number of partitions. */
  count: number;
  /** Ordinals of these partitions, ascending. */
  ordinals: Int32Array;
  /** Times of the first and the last failure, ISO 8601 UTC. */
  firstAt: string;
  lastAt: string;
  /** Number of the first execution in which one of them failed. */
  firstExecution: number;
  /** The first few that were read. */
  examples: FailureExample[];
}

/** A group while it is being collected. */
interface Group extends Pick<FailureGroup, 'type' | 'pattern' | 'place'> {
  number: number;
  firstMs: number;
  lastMs: number;
  firstExecution: number;
  examples: (Omit<FailureExample, 'id'> & { id: string | null })[];
}

type End = Pick<PartitionEnd, 'outcome' | 'execution' | 'functionDigest'>;

/**
 * A group whose examples may lack ids: for lost units, only the partition index has them.
 */
export type FoundGroup = Omit<FailureGroup, 'examples'> & { examples: Group['examples'] };

/** Ends may be added after `finish`, which then adds their failures to the groups. */
export class FailuresOfEnds implements EndsSink {
  readonly #groups = new Map<string, Group>();
  readonly #byNumber: Group[] = [];
  #groupsByPattern = 0;
  /** By ordinal: the group's number, from 1; 0 if the partition has not ended; -1 if it did not fail. */
  readonly #groupOf: Int32Array;
  /** Failures that are not in history yet. */
  readonly #live = new Map<number, EndedOutcome>();
  /** What `finish` last returned; null if there are other failures now. */
  #found: FoundGroup[] | null = null;

  constructor(private readonly record: RunRecord) {
    this.#groupOf = new Int32Array(record.plan?.partitions ?? 0);
  }

  has(ordinal: number): boolean {
    return this.#groupOf[ordinal] !== 0;
  }

  addBlock({ block }: BlockOfEnds): void {
    for (const ordinal of block.ordinals) {
      this.#takeBack(ordinal);
      this.#groupOf[ordinal] = -1;
    }
  }

  addEnd(end: End): void {
    const { status, error, ordinal } = end.outcome;
    this.#takeBack(ordinal);
    if (isFailure(status)) this.#found = null;
    this.#groupOf[ordinal] = isFailure(status) ? this.#add(end, status, error ?? UNKNOWN) : -1;
  }

  addThrown(end: PartitionEnd): void {
    // A stopped run retries nothing.
    if (wasStopped(this.record) && this.record.waiting.has(end.outcome.ordinal)) this.addEnd(end);
  }

  addCalls(): void {}

  /**
   * Returns the groups, largest first, of equal ones that of the first partition; the same array as before if
   * no failure was added. `overlay` adds failures that are not yet in history.
   */
  finish(overlay: LiveOverlay | null): FoundGroup[] {
    this.#addLive(overlay);
    if (this.#found !== null) return this.#found;
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
    const found = this.#byNumber.filter(({ number }) => counts[number]! > 0);
    this.#found = found
      .map((group) => {
        const others = this.#byNumber.filter((each) => each !== group && into[each.number] === group.number);
        const parts = [group, ...others];
        return {
          type: group.type,
          pattern: group.pattern,
          place: group.place,
          failedWith: failedWithText(group, found),
          count: counts[group.number]!,
          ordinals: ordinals[group.number]!,
          firstAt: new Date(Math.min(...parts.map(({ firstMs }) => firstMs))).toISOString(),
          lastAt: new Date(Math.max(...parts.map(({ lastMs }) => lastMs))).toISOString(),
          firstExecution: Math.min(...parts.map(({ firstExecution }) => firstExecution)),
          examples: parts.flatMap(({ examples }) => examples).slice(0, MAX_EXAMPLES),
        };
      })
      .sort((a, b) => b.count - a.count || a.ordinals[0]! - b.ordinals[0]!);
    return this.#found;
  }

  #addLive(overlay: LiveOverlay | null): void {
    for (const [ordinal, outcome] of this.#live)
      if (overlay?.ended.get(ordinal)?.outcome !== outcome) this.#takeBack(ordinal);
    const { execution } = this.record.plan!;
    for (const [ordinal, { outcome, functionDigest }] of overlay?.ended ?? []) {
      if (!isFailure(outcome.status) || this.has(ordinal)) continue;
      this.addEnd({ outcome, execution, functionDigest });
      this.#live.set(ordinal, outcome);
    }
  }

  /** Removes a failure that was not in history. */
  #takeBack(ordinal: number): void {
    if (!this.#live.delete(ordinal)) return;
    const group = this.#byNumber[this.#groupOf[ordinal]! - 1]!;
    group.examples = group.examples.filter((example) => example.ordinal !== ordinal);
    this.#groupOf[ordinal] = 0;
    this.#found = null;
  }

  #add({ outcome, execution, functionDigest }: End, status: FailureStatus, error: ErrorInfo): number {
    const { ordinal, id, startedAt, durationMs } = outcome;
    const group = this.#groupFor(error, id);
    const endedMs = Date.parse(startedAt) + durationMs;
    group.firstMs = Math.min(group.firstMs, endedMs);
    group.lastMs = Math.max(group.lastMs, endedMs);
    group.firstExecution = Math.min(group.firstExecution, execution);
    if (group.examples.length < MAX_EXAMPLES)
      group.examples.push({ ordinal, id, status, error, functionDigest });
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
   * By number, the group that each group is merged into: groups without a place are merged into the group
   * with their type and pattern, if there is exactly one.
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
      if (group.place === null && other !== undefined && more.length === 0) into[group.number] = other.number;
    }
    return into;
  }
}

const UNKNOWN: ErrorInfo = { type: 'Error', message: 'No reason was recorded.', stack: null };

function keyOf(type: string | null, pattern: string | null, place: StackPlace | null): string {
  return JSON.stringify([type, pattern, place?.file, place?.line]);
}
