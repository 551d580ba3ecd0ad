// Stands in for the worker in tests of the host: implements its protocol and does no work. The project file
// `stand-in.json` sets its behaviour; it is read again when it changes.
const { appendFileSync, readFileSync, watchFile } = require('node:fs');
const path = require('node:path');
const { projectDir } = JSON.parse(process.env.PARTWISE_WORKER);

const file = path.join(projectDir, 'stand-in.json');
const behaviour = () => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
};
appendFileSync(path.join(projectDir, 'workers.log'), `${process.pid}\n`);

const { refuses, crashes, open = 0 } = behaviour();
if (crashes) throw new TypeError(crashes);
process.on('message', ({ type }) => {
  if (type === 'drain') process.exit(0);
  if (refuses) return process.send({ type: 'failed', message: refuses }, () => process.exit(1));
  send({ type: 'ready' });
  send({ type: 'open', runs: open });
  watchFile(file, { interval: 50 }, () => send({ type: 'open', runs: behaviour().open ?? 0 }));
});
process.on('disconnect', () => {
  if (!behaviour().cleansUp) process.exit(0);
  void require('../../dist/temporal/host/background')
    .endAbandonedServer(projectDir)
    .finally(() => process.exit(0));
});

// The host may be killed at any time: messages that cannot be sent then are dropped.
function send(message) {
  process.send(message, () => {});
}
