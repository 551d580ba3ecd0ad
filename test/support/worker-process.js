/** A deployed worker, as a program would start it: `node worker-process.js PROJECT`. */
const { startWorker } = require('../../dist/worker');

startWorker({
  projectDir: process.argv[2],
  shutdownGraceMs: Number(process.env.GRACE_MS ?? 300),
  // A workflow task of a worker that was killed waits this long for it; Temporal's default is 10 seconds.
  sdk: { stickyQueueScheduleToStartTimeout: '2s', ...JSON.parse(process.env.SDK ?? '{}') },
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
