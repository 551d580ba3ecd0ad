/** How the hand-written contestants read a partition. */
import { DuckDBInstance } from '@duckdb/node-api';
import { summarize, type Event, type Summary } from './arithmetic';

/** Returns what summarizes the partition with this number. */
export async function indexRows(warehouse: string): Promise<(ordinal: number) => Promise<Summary>> {
  const database = await DuckDBInstance.create(warehouse, { access_mode: 'READ_ONLY' });
  const connection = await database.connect();
  // As many would do it: rows and their partition's number in memory, with an index.
  await connection.run(
    'CREATE TEMP TABLE rows AS SELECT (dense_rank() OVER (ORDER BY customer) - 1)::INTEGER AS ord, * FROM events',
  );
  await connection.run('CREATE INDEX by_ord ON rows (ord)');
  const select = await connection.prepare('SELECT * FROM rows WHERE ord = ?');
  const read = async (ordinal: number): Promise<Summary> => {
    select.bindInteger(1, ordinal);
    const rows = (await select.runAndReadAll()).getRowObjectsJS() as unknown as (Event & { ord: number })[];
    if (rows.some(({ ord }) => ord !== ordinal)) throw new Error('There are rows of another partition.');
    return summarize(rows);
  };
  // One after the other: the statement has one value at a time, and the connection runs one query.
  let last: Promise<unknown> = Promise.resolve();
  return (ordinal) => {
    const next = last.then(() => read(ordinal));
    last = next.catch(() => undefined);
    return next;
  };
}
