/** What `predict` returned, beside the input rows that it is about. */
import { InvalidResult } from '../functions/errors';
import { didYouMean } from '../run/nearest';
import type { PartitionData, Row } from '../functions/types';

/** Position of an input row in its partition, counted from 0. */
const ROW_ID = 'row_id';

/**
 * Rows for the combined output: `row_id`, the columns of `keep`, what was predicted, and the id of the partition whose model it was.
 * Throws `InvalidResult` unless there is one prediction for each row.
 */
export async function predictedRows(
  predicted: unknown,
  data: PartitionData,
  { keep, model }: { keep: readonly string[]; model: string | null },
): Promise<Row[]> {
  if (!isList(predicted))
    throw new InvalidResult('predict returned no array. Return one item for each row of data, in its order.');
  if (predicted.length !== data.rowCount) {
    throw new InvalidResult(
      `predict returned ${predicted.length} items for ${data.rowCount} rows. Return one for each row of data, in its order (null where there is none).`,
    );
  }
  const kept = keep.length === 0 ? {} : await keptColumns(data, keep);
  const names = Object.keys(kept);
  return Array.from(predicted, (item, i) => {
    const row: Row = { [ROW_ID]: i };
    for (const name of names) row[name] = kept[name]![i];
    Object.assign(row, isObject(item) ? item : { prediction: item });
    return model === null ? row : { ...row, model_partition: model };
  });
}

async function keptColumns(data: PartitionData, keep: readonly string[]): Promise<Record<string, unknown[]>> {
  const columns = await data.columns();
  const nameOf = new Map(data.schema.map(({ name }) => [name.toLowerCase(), name]));
  const unknown = keep.filter((name) => !nameOf.has(name.toLowerCase()));
  if (unknown.length > 0) {
    const names = data.schema.map(({ name }) => name);
    throw new InvalidResult(
      `The source has no column ${unknown.map((name) => `"${name}"${didYouMean(name, names)}`).join(', ')} to keep. It has: ${names.join(', ')}.`,
    );
  }
  return Object.fromEntries(
    keep.map((name) => [nameOf.get(name.toLowerCase())!, columns[nameOf.get(name.toLowerCase())!]!]),
  );
}

/** Typed arrays, which numeric code returns, included. */
function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function isObject(value: unknown): value is Row {
  return Object.prototype.toString.call(value) === '[object Object]';
}
