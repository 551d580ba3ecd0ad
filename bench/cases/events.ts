/** `customers` partitions of `rows` rows each, shuffled. */
export function events(customers: number, rows = 20): string {
  return `CREATE OR REPLACE TABLE events AS SELECT 'customer ' || ((i * 7919) % ${customers}) AS customer, i AS id,
    (hash(i) % 100000) / 100.0::DOUBLE AS amount, DATE '2024-01-01' + (hash(i, 1) % 365)::INTEGER AS day
    FROM range(${customers * rows}) t(i)`;
}

export const byCustomer = { source: { table: 'events' }, partitionBy: ['customer'] };
