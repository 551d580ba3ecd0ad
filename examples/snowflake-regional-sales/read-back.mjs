// Reads a finished run, partition by partition, from any process: `node read-back.mjs RUN_ID`.
import { Partwise } from 'partwise';

const partwise = await Partwise.connect({ needWorker: false });
try {
  const run = partwise.getRun(process.argv[2]);
  let total = 0;
  for (const { id, status } of (await run.partitions({ status: 'DONE' })).partitions) {
    const summary = await run.partition(id).artifacts.get('sales_summary.json');
    console.log(`${id} ${status} ${summary.total_sales}`);
    total += summary.total_sales;
  }
  console.log(`total ${total}`);
} finally {
  await partwise.close();
}
