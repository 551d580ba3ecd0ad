/** A partition's rows without those that meet a condition, or only those. */
import type { PartitionData, Row } from '../functions/types';

/** Rows in a chunk of an iteration. */
const CHUNK = 2_048;

/** What DuckDB counts from 0, in the order of the partition. */
const POSITION = '__partwise_position';

export interface SplitData {
  /** Rows that do not meet the condition; those of which it is NULL, too. */
  rest: PartitionData;
  /** Rows that meet it. */
  heldOut: PartitionData;
}

export async function splitData(data: PartitionData, condition: string): Promise<SplitData> {
  const [counted] = await query<{ n: number }>(data, `SELECT count(*) AS n FROM data WHERE (${condition}\n)`);
  const held = Number(counted!.n);
  return {
    rest: part(data, `((${condition}\n)) IS NOT TRUE`, data.rowCount - held),
    heldOut: part(data, `(${condition}\n)`, held),
  };
}

function part(data: PartitionData, where: string, rowCount: number): PartitionData {
  const names = data.schema.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ');
  const numbered = `SELECT ${names}, row_number() OVER () AS ${POSITION} FROM data`;
  const ordered = `SELECT ${names} FROM (${numbered}) WHERE ${where} ORDER BY ${POSITION}`;
  const rows = <T>(): Promise<T[]> => query<T>(data, ordered);
  return {
    rowCount,
    schema: data.schema,
    rows,
    async columns<T>() {
      const all = await rows<Row>();
      return Object.fromEntries(data.schema.map(({ name }) => [name, all.map((row) => row[name])])) as T;
    },
    async *[Symbol.asyncIterator]() {
      const all = await rows<Row>();
      for (let from = 0; from < all.length; from += CHUNK) yield all.slice(from, from + CHUNK);
    },
    get sql(): PartitionData['sql'] {
      return (strings, ...values) => {
        // The view of the partition is temp.main.data, and inside the query that name means these rows alone.
        const first = `WITH data AS (SELECT * FROM temp.main.data WHERE ${where}) SELECT * FROM (${strings[0]!}`;
        const texts = [first, ...strings.slice(1)];
        texts[texts.length - 1] = `${texts.at(-1)!.replace(/[;\s]+$/, '')}\n)`;
        return data.sql(asTemplate(texts), ...values);
      };
    },
  };
}

function query<T>(data: PartitionData, sql: string): Promise<T[]> {
  return data.sql<T>(asTemplate([sql]));
}

function asTemplate(texts: string[]): TemplateStringsArray {
  return Object.assign(texts, { raw: texts });
}
