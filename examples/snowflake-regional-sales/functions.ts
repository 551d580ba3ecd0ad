import { definePartitionFunction } from 'partwise';

export const salesByRegion = definePartitionFunction({
  name: 'salesByRegion',
  async run(data, context) {
    const [summary] = await data.sql`
      SELECT sum(amount) AS total_sales, avg(amount) AS avg_order_value,
             count(DISTINCT customer_id) AS customer_count, count(*) AS record_count
      FROM data`;
    const result = { region: context.partitionId, ...summary };
    await context.upload('sales_summary.json', result);
    return result;
  },
});

/** The same sum, computed in Snowflake: no row leaves it. */
export const salesInSnowflake = definePartitionFunction({
  name: 'salesInSnowflake',
  run: (_data, context) =>
    context.withConnection(({ query, partition }) =>
      query<{ total_sales: number; record_count: number }>(
        `SELECT sum(amount) AS total_sales, count(*) AS record_count FROM ${partition!.from} WHERE ${partition!.where}`,
        partition!.values,
      ),
    ),
});
