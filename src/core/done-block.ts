/**
 * Outcomes of DONE partitions of a batch, stored by column: a million of them take a few megabytes, where one
 * object each would take hundreds. What the partition index contains (id, rows) is not repeated.
 */
import { errorsField, type EarlierError } from './earlier-errors';
import type { ArtifactRef } from './files';
import { decodeOrdinals, encodeOrdinals } from './units/ordinals';
import type { DoneRecord, EndedOutcome, PackedArtifact } from './outcome';

/** The in-memory form, also sent between processes. All columns have the same length. */
export interface DoneBlock {
  /** Ascending. */
  ordinals: Int32Array;
  attempts: Int32Array;
  /** Milliseconds since 1970. */
  startedAt: Float64Array;
  durationMs: Float64Array;
  outputRows: Int32Array;
  /** By position; null if no partition has artifacts. */
  artifacts: (PackedArtifact[] | null)[] | null;
  /** Stage path of the file that contains the artifacts. */
  pack: string | null;
  /** Errors of earlier calls, by ordinal. Absent: none. */
  earlierErrors?: ReadonlyMap<number, readonly EarlierError[]>;
}

/** Collects outcomes until `take` returns them as a block. */
export class DoneColumns {
  #length = 0;
  #columns = emptyColumns(64);
  #artifacts: (PackedArtifact[] | null)[] | null = null;

  get length(): number {
    return this.#length;
  }

  add(outcome: {
    ordinal: number;
    attempts: number;
    startedAt: number;
    durationMs: number;
    outputRows: number;
    artifacts: PackedArtifact[] | null;
  }): void {
    const at = this.#length++;
    if (at === this.#columns.ordinals.length) this.#grow();
    const { ordinals, attempts, startedAt, durationMs, outputRows } = this.#columns;
    ordinals[at] = outcome.ordinal;
    attempts[at] = outcome.attempts;
    startedAt[at] = outcome.startedAt;
    durationMs[at] = outcome.durationMs;
    outputRows[at] = outcome.outputRows;
    if (outcome.artifacts !== null) {
      this.#artifacts ??= [];
      // The outcomes before this one have no artifacts.
      while (this.#artifacts.length < at) this.#artifacts.push(null);
      this.#artifacts.push(outcome.artifacts);
    } else this.#artifacts?.push(null);
  }

  /** Returns what has been collected so far; the next block starts empty. */
  take(): DoneBlock {
    const length = this.#length;
    const { ordinals, attempts, startedAt, durationMs, outputRows } = this.#columns;
    const block: DoneBlock = {
      ordinals: ordinals.slice(0, length),
      attempts: attempts.slice(0, length),
      startedAt: startedAt.slice(0, length),
      durationMs: durationMs.slice(0, length),
      outputRows: outputRows.slice(0, length),
      artifacts: this.#artifacts,
      pack: null,
    };
    this.#length = 0;
    this.#artifacts = null;
    return block;
  }

  #grow(): void {
    const before = this.#columns;
    this.#columns = emptyColumns(2 * before.ordinals.length);
    for (const name of Object.keys(before) as (keyof typeof before)[]) this.#columns[name].set(before[name]);
  }
}

function emptyColumns(length: number) {
  return {
    ordinals: new Int32Array(length),
    attempts: new Int32Array(length),
    startedAt: new Float64Array(length),
    durationMs: new Float64Array(length),
    outputRows: new Int32Array(length),
  };
}

/** The outcome at a position. */
export function outcomeAt(block: DoneBlock, at: number): EndedOutcome {
  return {
    ordinal: block.ordinals[at]!,
    id: null,
    status: 'DONE',
    attempts: block.attempts[at]!,
    rows: null,
    startedAt: new Date(block.startedAt[at]!).toISOString(),
    durationMs: block.durationMs[at]!,
    preview: null,
    outputRows: block.outputRows[at]!,
    artifacts: artifactsAt(block, at),
    error: null,
    ...errorsField(block.earlierErrors?.get(block.ordinals[at]!) ?? []),
    reused: false,
  };
}

function artifactsAt({ artifacts, pack }: DoneBlock, at: number): ArtifactRef[] {
  return artifactRefs(artifacts?.[at] ?? [], pack);
}

/** `pack` is the stage path of the file that contains the artifacts without their own path. */
export function artifactRefs(artifacts: readonly PackedArtifact[], pack: string | null): ArtifactRef[] {
  return artifacts.map(([name, codec, offset, bytes, sha256, path = pack!]) => ({
    path,
    bytes,
    sha256,
    name,
    offset,
    codec,
  }));
}

/** Stage paths of all files that contain a block's artifacts. */
export function artifactPaths({ artifacts, pack }: DoneBlock): string[] {
  const own = (artifacts ?? []).flatMap((each) => (each ?? []).flatMap(([, , , , , path]) => path ?? []));
  return pack === null ? own : [pack, ...own];
}

/** The block with these errors of earlier calls, by ordinal; those of other partitions are ignored. */
export function withEarlierErrors(
  block: DoneBlock,
  errorsOf: (ordinal: number) => readonly EarlierError[],
): DoneBlock {
  const errors = new Map<number, readonly EarlierError[]>();
  for (const ordinal of block.ordinals) {
    const own = errorsOf(ordinal);
    if (own.length > 0) errors.set(ordinal, own);
  }
  const { earlierErrors: _, ...rest } = block;
  return errors.size === 0 ? rest : { ...rest, earlierErrors: errors };
}

/** The block without the ordinals that `keep` rejects; the same block if it rejects none. */
export function filterBlock(block: DoneBlock, keep: (ordinal: number) => boolean): DoneBlock {
  const kept = [...block.ordinals.keys()].filter((at) => keep(block.ordinals[at]!));
  if (kept.length === block.ordinals.length) return block;
  return {
    ordinals: Int32Array.from(kept, (at) => block.ordinals[at]!),
    attempts: Int32Array.from(kept, (at) => block.attempts[at]!),
    startedAt: Float64Array.from(kept, (at) => block.startedAt[at]!),
    durationMs: Float64Array.from(kept, (at) => block.durationMs[at]!),
    outputRows: Int32Array.from(kept, (at) => block.outputRows[at]!),
    artifacts: block.artifacts === null ? null : kept.map((at) => block.artifacts![at] ?? null),
    pack: block.pack,
    ...(block.earlierErrors !== undefined && {
      earlierErrors: new Map([...block.earlierErrors].filter(([ordinal]) => keep(ordinal))),
    }),
  };
}

export function encodeBlock(block: DoneBlock): DoneRecord {
  const { ordinals, attempts, startedAt, durationMs, outputRows, artifacts, pack, earlierErrors } = block;
  let before = 0;
  return {
    ordinals: encodeOrdinals(ordinals),
    attempts: oneOrAll(attempts),
    startedAt: Array.from(startedAt, (at) => {
      const difference = at - before;
      before = at;
      return difference;
    }),
    durationMs: oneOrAll(durationMs),
    outputRows: oneOrAll(outputRows),
    ...(artifacts !== null && { artifacts: Array.from(ordinals, (_, at) => artifacts[at] ?? 0) }),
    ...(pack !== null && { pack }),
    ...(earlierErrors !== undefined &&
      earlierErrors.size > 0 && {
        earlierErrors: Object.fromEntries(
          [...earlierErrors].map(([ordinal, errors]) => [ordinal, [...errors]]),
        ),
      }),
  };
}

export function decodeBlock(record: DoneRecord): DoneBlock {
  const ordinals = Int32Array.from(decodeOrdinals(record.ordinals));
  const { length } = ordinals;
  const startedAt = Float64Array.from(record.startedAt);
  for (let at = 1; at < length; at++) startedAt[at]! += startedAt[at - 1]!;
  return {
    ordinals,
    attempts: Int32Array.from(allOf(record.attempts, length)),
    startedAt,
    durationMs: Float64Array.from(allOf(record.durationMs, length)),
    outputRows: Int32Array.from(allOf(record.outputRows, length)),
    artifacts: record.artifacts?.map((each) => (each === 0 ? null : each)) ?? null,
    pack: record.pack ?? null,
    ...(record.earlierErrors !== undefined && {
      earlierErrors: new Map(
        Object.entries(record.earlierErrors).map(([ordinal, errors]) => [Number(ordinal), errors]),
      ),
    }),
  };
}

function oneOrAll(column: Int32Array | Float64Array): number | number[] {
  const first = column[0] ?? 0;
  return column.every((value) => value === first) ? first : Array.from(column);
}

function allOf(column: number | number[], length: number): number[] {
  return Array.isArray(column) ? column : Array.from({ length }, () => column);
}
