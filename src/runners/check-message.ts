/**
 * Checks what a runner sends before the worker acts on it. Functions run in that process, so it may send
 * anything: a malformed message, a partition of another unit, a path outside the scratch folder.
 */
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { DoneBlock } from '../core/done-block';
import type { FileRef } from '../core/files';
import type { PackedArtifact } from '../core/outcome';
import { artifact, message } from './message-shapes';
import type { FromRunner, RunnerUnit } from './protocol';

const MAX_PROGRESS = 10_000;
/** The last millisecond that a Date can represent. */
const MAX_TIME = 8.64e15;

/** The message completes "a message that …". */
export class BadMessage extends Error {
  override name = 'BadMessage';
}

type UnitMessage = z.infer<typeof message> & Exclude<FromRunner, { type: 'functions' | 'ready' }>;
type Segment = Extract<FromRunner, { type: 'segment' }>;

/** The messages of one unit on one runner. */
export class UnitMessages {
  readonly #known: ReadonlySet<number>;
  readonly #ended = new Set<number>();
  readonly #stored = new Map<string, FileRef>();

  constructor(
    ordinals: readonly number[],
    private readonly unit: Pick<RunnerUnit, 'scratch' | 'model'>,
    /** Null if functions open their warehouse themselves. */
    private readonly access: object | null,
  ) {
    this.#known = new Set(ordinals);
  }

  /** Whether all of the unit's partitions were handed over. */
  get isComplete(): boolean {
    return this.#ended.size === this.#known.size;
  }

  /** Whether a partition was handed over. */
  hasEnded(ordinal: number): boolean {
    return this.#ended.has(ordinal);
  }

  /** Records that an artifact is on the stage. Only such artifacts may be named. */
  stored(ref: FileRef): void {
    this.#stored.set(ref.path, ref);
  }

  /** Throws `BadMessage`. */
  check(received: unknown): UnitMessage {
    const parsed = message.safeParse(received);
    if (!parsed.success) throw new BadMessage(`is not part of its protocol${whereOf(parsed.error)}`);
    const checked = parsed.data as UnitMessage;
    switch (checked.type) {
      case 'log':
        for (const { ordinal } of checked.lines) if (ordinal !== null) this.#assertKnown(ordinal);
        break;
      case 'heartbeat':
        this.#assertKnown(checked.ordinal);
        assertProgress(checked.progress);
        break;
      case 'upload':
        this.#assertKnown(checked.ordinal);
        this.#assertInside(checked.file);
        break;
      case 'rows':
        this.#assertKnown(checked.ordinal);
        this.#assertAccess();
        break;
      case 'query':
        this.#assertAccess();
        break;
      case 'heldOut':
        this.#assertKnown(checked.ordinal);
        if (checked.file !== null) this.#assertInside(checked.file);
        if (this.unit.model?.holdout === undefined)
          throw new BadMessage('asks for held-out rows in a run without "model.holdout"');
        break;
      case 'segment':
        this.#checkSegment(checked);
        break;
    }
    return checked;
  }

  /** Throws `BadMessage` unless its files exist and contain the artifacts that it names. */
  async checkFiles({ rows, pack, done, outcomes }: Segment): Promise<void> {
    if (rows !== null) await sizeOf(rows);
    const packed = [...outcomes.map(({ artifacts }) => artifacts), ...(done?.artifacts ?? [])]
      .flatMap((artifacts) => artifacts ?? [])
      .filter((each) => each[5] === undefined);
    const end = packed.reduce((max, [, , offset, bytes]) => Math.max(max, offset + bytes), 0);
    if (end > (pack === null ? 0 : await sizeOf(pack)))
      throw new BadMessage('names artifacts that are not in its file');
  }

  /** Throws `BadMessage` unless it is a file: opening a pipe would wait forever. */
  async checkFile(file: string): Promise<void> {
    await sizeOf(file);
  }

  /** Undoes a segment that was refused: its partitions do not count as ended. */
  refuse(segment: Segment): void {
    for (const ordinal of reportedOrdinals(segment)) this.#ended.delete(ordinal);
  }

  #checkSegment(segment: Segment): void {
    const { done, outcomes, rows, pack } = segment;
    if (rows !== null) this.#assertInside(rows);
    if (pack !== null) this.#assertInside(pack);
    for (const { artifacts } of outcomes) this.#assertStored(artifacts);
    if (done !== null) assertColumns(done);
    if (done !== null && done.artifacts !== null) {
      const parsed = z.array(z.array(artifact).nullable()).safeParse(done.artifacts);
      if (!parsed.success || parsed.data.length > done.ordinals.length)
        throw new BadMessage('contains malformed artifacts');
      for (const artifacts of parsed.data) this.#assertStored(artifacts ?? []);
    }
    const ordinals = reportedOrdinals(segment);
    for (const ordinal of ordinals) this.#assertKnown(ordinal);
    const twice = ordinals.find((ordinal) => this.#ended.has(ordinal));
    if (twice !== undefined || new Set(ordinals).size < ordinals.length)
      throw new BadMessage('reports the end of a partition twice');
    for (const ordinal of ordinals) this.#ended.add(ordinal);
  }

  #assertKnown(ordinal: number): void {
    if (!this.#known.has(ordinal))
      throw new BadMessage(`refers to partition number ${ordinal}, which is not in its unit`);
  }

  #assertInside(file: string): void {
    if (dirname(file) !== this.unit.scratch) throw new BadMessage('names a file outside its scratch folder');
  }

  #assertAccess(): void {
    if (this.access === null) throw new BadMessage('asks for a warehouse that the run does not have');
  }

  #assertStored(artifacts: readonly PackedArtifact[]): void {
    for (const [, , , bytes, sha256, path] of artifacts) {
      if (path === undefined) continue;
      const ref = this.#stored.get(path);
      if (ref?.bytes !== bytes || ref.sha256 !== sha256)
        throw new BadMessage('names an artifact that it did not upload');
    }
  }
}

function whereOf({ issues }: z.ZodError): string {
  const path = issues[0]?.path.join('.') ?? '';
  return path === '' ? '' : ` (at ${path.slice(0, 100)})`;
}

function assertProgress(progress: unknown): void {
  let size: number;
  try {
    size = (JSON.stringify(progress) as string | undefined)?.length ?? 0;
  } catch {
    size = Infinity;
  }
  if (size > MAX_PROGRESS) throw new BadMessage('reports progress that cannot be recorded');
}

function assertColumns({ attempts, startedAt, durationMs, outputRows }: DoneBlock): void {
  const isWhole =
    attempts.every((value) => value > 0) &&
    outputRows.every((value) => value >= 0) &&
    startedAt.every((value) => Math.abs(value) <= MAX_TIME) &&
    durationMs.every((value) => value >= 0 && value <= MAX_TIME);
  if (!isWhole) throw new BadMessage('contains malformed outcomes');
}

function reportedOrdinals({ done, outcomes }: Segment): number[] {
  return [...outcomes.map(({ outcome: { ordinal } }) => ordinal), ...(done?.ordinals ?? [])];
}

async function sizeOf(file: string): Promise<number> {
  const stats = await lstat(file).catch(() => null);
  if (stats?.isFile() !== true) throw new BadMessage('names a file that does not exist');
  return stats.size;
}
