/** A deployed worker, as a program would start it: `node worker-process.js PROJECT`. */
const { startWorker } = require('../../dist/worker');

startWorker({
  projectDir: process.argv[2],
  shutdownGraceMs: Number(process.env.GRACE_MS ?? 300),
  sdk: JSON.parse(process.env.SDK ?? '{}'),
}).then(
  (worker) => {
    process.once('SIGTERM', () => worker.shutdown());
    process.send('polls');
    return worker.ended.finally(() => process.connected && process.disconnect());
  },
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
