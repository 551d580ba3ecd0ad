/**
 * The types of the columns that a call reads. A function's values are JavaScript's, which have fewer types: a
 * column that it returns under the same name keeps its type if the type holds the values.
 */
import type { Column } from '../core/plan';
import { unifyTypes } from './combine';

export class SeenTypes {
  /** Of columns that the call's own queries returned; null: of several types that have nothing in common. */
  readonly #queried = new Map<string, string | null>();

  /** `source` are the partition's columns; the same array for all partitions of a unit. */
  constructor(private readonly source: readonly Column[]) {}

  see(columns: readonly Column[]): void {
    for (const { name, type } of columns) {
      const before = this.#typeOf(name);
      this.#queried.set(name, before === undefined ? type : before && unifyTypes(before, type));
    }
  }

  get(name: string): string | null {
    return this.#typeOf(name) ?? null;
  }

  #typeOf(name: string): string | null | undefined {
    const queried = this.#queried.get(name);
    return queried === undefined ? sourceTypes(this.source).get(name) : queried;
  }
}

const bySource = new WeakMap<readonly Column[], ReadonlyMap<string, string>>();

function sourceTypes(source: readonly Column[]): ReadonlyMap<string, string> {
  let types = bySource.get(source);
  if (types === undefined) {
    types = new Map(source.map(({ name, type }) => [name, type]));
    bySource.set(source, types);
  }
  return types;
}
