/** Functions that ask their partitions with `data.sql`. */
import { definePartitionFunction } from 'partwise';

type Row = Record<string, unknown>;

/** Asks the same in every partition; its answer is its own to change. */
export const same = definePartitionFunction({
  name: 'same',
  async run(data) {
    const query = () => data.sql`SELECT count(*) AS n, sum(amount) AS total FROM data WHERE amount > ${1}`;
    const [first] = await query();
    first!.n = -1;
    const [row] = await query();
    return row;
  },
});

/** Binds another value in each partition, and asks something else in some. */
export const varied = definePartitionFunction({
  name: 'varied',
  async run(data, { partitionId }) {
    const number = Number(partitionId.slice(1));
    const [row] = await data.sql`SELECT count(*) AS n FROM data WHERE amount > ${number % 3}`;
    if (number % 2 === 0) return row;
    const [other] = await data.sql`SELECT sum(amount) AS total FROM data`;
    return { ...row, ...other };
  },
});

/** Changes what its query means, after several partitions have asked it. */
export const changing = definePartitionFunction({
  name: 'changing',
  async run(data, { partitionId }) {
    if (partitionId === 'k4') await data.sql`CREATE MACRO sum(x) AS 7; CREATE TEMP TABLE kept (i INTEGER)`;
    const [row] = await data.sql`SELECT sum(amount) AS total FROM data`;
    return row;
  },
});

/** Looks for what Partwise may have left in its database. */
export const looking = definePartitionFunction({
  name: 'looking',
  async run(data) {
    await data.sql`SELECT count(*) AS n FROM data`;
    const tables = await data.sql<{
      name: string;
    }>`SELECT table_name AS name FROM duckdb_tables() ORDER BY 1`;
    const views = await data.sql<{
      name: string;
    }>`SELECT view_name AS name FROM duckdb_views() WHERE NOT internal`;
    return { names: [...tables, ...views].map(({ name }) => name).join(' ') };
  },
});

/** Says how many connections its database has: another one while queries are asked ahead. */
export const connections = definePartitionFunction({
  name: 'connections',
  async run(data, { partitionId, params, attempt }) {
    if (partitionId === params.dies && attempt === 1) process.kill(process.pid, 'SIGKILL');
    await data.sql`SELECT count(*) AS n FROM data`;
    return data.sql<Row>`SELECT count::INTEGER AS connections FROM duckdb_connection_count()`;
  },
});

/** Fails in one partition. */
export const failing = definePartitionFunction({
  name: 'failing',
  async run(data) {
    return data.sql<Row>`SELECT max(CASE WHEN region = 'k7' THEN 'seven' ELSE '1' END)::INTEGER AS one FROM data`;
  },
});
