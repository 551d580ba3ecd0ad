/** Combines the results of `predict` with their input rows. */
import { EXACT, type ExactColumns } from '../rows/exact-columns';
import { setOwn, type Row } from '../core/row';
import { identifier } from '../duckdb/quote';
import { didYouMean } from '../core/nearest';
import type { PartitionData } from '../functions/types';
import { InvalidResult } from '../rows/invalid-result';

/** Position of an input row in its partition, counted from 0. */
const ROW_ID = 'row_id';
/** Column for a prediction that is not an object. */
const PREDICTION = 'prediction';
/** Column for the partition whose model was used. */
const MODEL_PARTITION = 'model_partition';

/** Columns that are always added to predictions. */
const OWN_COLUMNS: readonly string[] = [ROW_ID, PREDICTION, MODEL_PARTITION];

export interface KeptColumns {
  /** Columns of the source. */
  keep: readonly string[];
  /** The partition's key, which is added separately. */
  key: Row;
  /** Positions of the rows in their partition. Null if they are the whole partition. */
  positions: readonly number[] | null;
  /** Id of the partition whose model was used. Null if the model was discarded. */
  model: string | null;
}

/**
 * Rows for the combined output: `row_id`, the columns of `keep` in their own types, the prediction, and the
 * id of the partition whose model was used. Throws `InvalidResult` unless there is exactly one prediction per
 * row.
 */
export async function predictedRows(
  predicted: unknown,
  data: PartitionData,
  { keep, key, positions, model }: KeptColumns,
): Promise<Row[]> {
  if (!isList(predicted))
    throw new InvalidResult(
      'predict did not return an array. Return one item for each row of data, in the same order.',
    );
  if (predicted.length !== data.rowCount) {
    throw new InvalidResult(
      `predict returned ${predicted.length} items for ${data.rowCount} rows. Return one for each row of data, in the same order (null where there is none).`,
    );
  }
  const kept = await keptColumns(data, keep, key);
  const own = new Set([ROW_ID, MODEL_PARTITION, ...kept.names].map((name) => name.toLowerCase()));
  const rows = Array.from(predicted, (item, i) => {
    const row: Row = { [ROW_ID]: positions === null ? i : positions[i] };
    for (const name of kept.names) setOwn(row, name, kept.rows[i]![name]);
    if (!isObject(item)) row[PREDICTION] = item;
    else {
      assertNoneOf(own, item, i);
      for (const [name, value] of Object.entries(item)) setOwn(row, name, value);
    }
    if (model !== null) row[MODEL_PARTITION] = model;
    return row;
  });
  return Object.assign(rows, { [EXACT]: kept.exact });
}

interface Kept {
  names: string[];
  rows: Row[];
  exact: ExactColumns | null;
}

async function keptColumns(data: PartitionData, keep: readonly string[], key: Row): Promise<Kept> {
  const known = data.schema.map(({ name }) => name);
  const keys = new Set(Object.keys(key).map((name) => name.toLowerCase()));
  const problem = keepProblem(keep, known);
  if (problem !== null) throw new InvalidResult(problem);
  const wanted = new Set(keep.map((name) => name.toLowerCase()));
  const names = known.filter((name) => wanted.has(name.toLowerCase()) && !keys.has(name.toLowerCase()));
  if (names.length === 0 || data.rowCount === 0) return { names: [], rows: [], exact: null };
  const columns = names.flatMap((name, i) => {
    const column = identifier(name);
    return [`${column} AS v${i}`, `${column}::VARCHAR AS t${i}`, `typeof(${column}) AS y${i}`];
  });
  const found = await data.sql<Row>(asTemplate(`SELECT ${columns.join(', ')} FROM data`));
  const columnsOf = <T>(letter: string): Record<string, T[]> =>
    Object.fromEntries(names.map((name, i) => [name, found.map((row) => row[`${letter}${i}`] as T)]));
  const types = Object.fromEntries(names.map((name, i) => [name, found[0]![`y${i}`] as string]));
  const rows = found.map((row) => Object.fromEntries(names.map((name, i) => [name, row[`v${i}`]])));
  return { names, rows, exact: { types, texts: columnsOf<string | null>('t') } };
}

/** Why columns cannot be kept, or null if they can. */
export function keepProblem(keep: readonly string[], known: readonly string[]): string | null {
  const unknown = keep.filter((name) => !known.some((each) => each.toLowerCase() === name.toLowerCase()));
  if (unknown.length > 0) {
    return (
      `"model.keep" names ${unknown.map((name) => `"${name}"`).join(', ')}, which the source does not have.` +
      `${didYouMean(unknown[0]!, known)} It has: ${known.join(', ')}.`
    );
  }
  const own = keep.filter((name) => OWN_COLUMNS.includes(name.toLowerCase()));
  if (own.length === 0) return null;
  return `"model.keep" names ${own.map((name) => `"${name}"`).join(', ')}, which Partwise adds to predictions: rename the source's columns in a query.`;
}

function assertNoneOf(own: ReadonlySet<string>, item: Row, row: number): void {
  const taken = Object.keys(item).find((name) => own.has(name.toLowerCase()));
  if (taken === undefined) return;
  throw new InvalidResult(
    `predict returned "${taken}" for row ${row}, a column that already exists: Partwise adds row_id, model_partition and the kept columns. Use another name.`,
  );
}

function asTemplate(sql: string): TemplateStringsArray {
  return Object.assign([sql], { raw: [sql] });
}

/** Accepts typed arrays, which numeric code returns. */
function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function isObject(value: unknown): value is Row {
  return Object.prototype.toString.call(value) === '[object Object]';
}
