/** A key of two columns as a matrix: the first one's values are rows, the second's are columns. Pure. */
import { decodePartitionId } from '../../core/partition-id';
import type { RunState } from '../..';
import type { MatrixAnswer } from '../wire/types';
import type { Table } from './partition-table';
import type { Ids } from './table-answers';

/** Pairs of values, whether a partition has them or not: more cannot be told apart. */
export const MAX_PAIRS = 40_000;
/** Values of an axis: browsers limit how long a canvas may be. */
const MAX_VALUES = 2_000;

export async function answerMatrix(
  { columns: { to: total } }: Table,
  ids: Ids,
  { input }: Pick<RunState, 'input'>,
): Promise<MatrixAnswer> {
  if (input === null) return none('The names of the key columns are left out of this file.');
  const { partitionBy: keyColumns } = input;
  if (keyColumns.length !== 2)
    return none(`A matrix needs a key of two columns; the key of this run has ${keyColumns.length}.`);
  if (total > MAX_PAIRS) return none(tooMany(`${count(total)} partitions`));
  const known = await ids.ids(Int32Array.from({ length: total }, (_, ordinal) => ordinal));
  const pairs = known.map((id) => id?.split('/') ?? []);
  if (pairs.some(({ length }) => length !== 2))
    return none('This file does not have the keys of all partitions.');
  const byRow = new Map<string, string[]>();
  for (const [row, column] of pairs as [string, string][]) {
    const columns = byRow.get(row);
    if (columns === undefined) byRow.set(row, [column]);
    else columns.push(column);
  }
  const rows = [...byRow.keys()];
  const { size } = new Set(pairs.map(([, column]) => column));
  if (rows.length * size > MAX_PAIRS || Math.max(rows.length, size) > MAX_VALUES)
    return none(tooMany(`${count(rows.length)} × ${count(size)} values`));
  const columns = commonOrder([...byRow.values()]);
  const rowOf = positions(rows);
  const columnOf = positions(columns);
  const values = (parts: readonly string[]): (string | null)[] =>
    parts.map((part) => decodePartitionId(part)[0]!);
  return {
    matrix: {
      rows: { name: keyColumns[0]!, values: values(rows) },
      columns: { name: keyColumns[1]!, values: values(columns) },
      places: pairs.map(([row, column]) => rowOf.get(row!)! * columns.length + columnOf.get(column!)!),
    },
    why: null,
  };
}

/**
 * All values of lists, each of which is in key order, in an order that none of the lists contradicts: keys
 * have types that their text does not show. Where the lists leave it open, numbers come before larger ones.
 */
export function commonOrder(lists: readonly (readonly string[])[]): string[] {
  const followers = new Map<string, Set<string>>();
  const waitsFor = new Map<string, number>();
  for (const list of lists)
    list.forEach((value, i) => {
      if (!followers.has(value)) followers.set(value, new Set());
      if (!waitsFor.has(value)) waitsFor.set(value, 0);
      const before = i === 0 ? null : followers.get(list[i - 1]!)!;
      if (before === null || before.has(value)) return;
      before.add(value);
      waitsFor.set(value, waitsFor.get(value)! + 1);
    });
  const order: string[] = [];
  while (waitsFor.size > 0) {
    const ready = [...waitsFor].filter(([, left]) => left === 0).map(([value]) => value);
    // Only a history that somebody wrote has values in a circle.
    const next = (ready.length > 0 ? ready : [...waitsFor.keys()]).reduce((a, b) => (isBefore(b, a) ? b : a));
    order.push(next);
    waitsFor.delete(next);
    for (const value of followers.get(next)!)
      if (waitsFor.has(value)) waitsFor.set(value, waitsFor.get(value)! - 1);
  }
  return order;
}

function isBefore(a: string, b: string): boolean {
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) || difference === 0 ? a < b : difference < 0;
}

function positions(values: readonly string[]): Map<string, number> {
  return new Map(values.map((value, i) => [value, i]));
}

function none(why: string): MatrixAnswer {
  return { matrix: null, why };
}

function tooMany(what: string): string {
  return `A matrix has at most ${count(MAX_PAIRS)} pairs of at most ${count(MAX_VALUES)} values each; this run has ${what}.`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}
