/** Failure groups as the page shows them, numbered. */
import { relative } from 'node:path';
import type { FailureGroup } from '..';
import type { GroupNumbers } from './table/partition-table';
import type { GroupInfo } from './wire/types';

/** Numbers groups by what they have in common: a group keeps its number while the run is watched. */
export class GroupNumbering {
  readonly #numbers = new Map<string, number>();

  /** `folder`: places inside it are shown relative to it. `total`: partitions of the run. */
  number(
    found: readonly FailureGroup[],
    total: number,
    folder: string | null,
  ): { groupInfos: GroupInfo[]; groups: GroupNumbers } {
    const groups = new Uint16Array(total);
    const groupInfos = found.map((group) => {
      const number = this.#numberOf(group);
      for (const ordinal of group.ordinals) groups[ordinal] = number;
      return groupInfo(group, number, folder);
    });
    return { groups, groupInfos };
  }

  #numberOf({ type, pattern, place }: FailureGroup): number {
    const key = JSON.stringify([type, pattern, place]);
    const number = this.#numbers.get(key) ?? this.#numbers.size + 1;
    this.#numbers.set(key, number);
    return number;
  }
}

/** Relative to the project's folder, if the file is inside it. */
function insideOf(folder: string | null, file: string): string {
  const path = folder === null ? file : relative(folder, file);
  return path.startsWith('..') ? file : path;
}

function groupInfo(group: FailureGroup, number: number, folder: string | null): GroupInfo {
  const { type, pattern, place, count, firstAt, lastAt, failedWith, examples } = group;
  return {
    number,
    type,
    pattern,
    place: place === null ? null : { ...place, file: insideOf(folder, place.file) },
    functionDigest: examples[0]?.functionDigest ?? null,
    count,
    firstAt,
    lastAt,
    failedWith,
    examples: examples.map(({ ordinal, id, error }) => ({ ordinal, id, message: error.message })),
  };
}
