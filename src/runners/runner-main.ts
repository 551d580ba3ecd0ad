/** Entry of a runner process: describes a bundle, or runs the partitions of a unit, as its worker asks. */
import { describeThrown } from '../functions/errors';
import { loadFunctions } from '../functions/load';
import { OutputCapture } from './output-capture';
import type { RunnerUnit, ToRunner } from './protocol';
import { UnitDatabases, UnitLoop } from './unit-loop';
import { startWatchdog } from './watchdog';
import { WorkerLink } from './worker-link';

startWatchdog(Number(process.argv[2]));

const link = new WorkerLink();
const databases = new UnitDatabases();
const output = new OutputCapture((lines) => link.send({ type: 'log', lines }));
output.install();

let loop: UnitLoop | null = null;

process.on('message', (message: ToRunner) => {
  switch (message.type) {
    case 'describe':
      void describeBundle(message.bundle);
      break;
    case 'unit':
      void runUnit(message.unit);
      break;
    case 'drain':
      loop?.drain();
      break;
    case 'abort':
      loop?.abort(message);
      break;
    case 'reply':
      link.answer(message);
      break;
  }
});
process.on('disconnect', () => process.exit());

// enforces I5: an error that nobody caught belongs to the partition whose code raised it.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    const call = output.call.getStore() ?? output.current;
    if (loop?.fail(call, error) === true) return;
    const { type, message, stack } = describeThrown(error).error;
    output.line('stderr', `${type} that nobody caught, after its partition had ended: ${stack ?? message}`);
  });
}

link.send({ type: 'ready' });

async function describeBundle(bundle: string): Promise<void> {
  try {
    const functions = [...(await loadFunctions(bundle)).values()].map(
      ({ name, timeout, memory, retry, bigTaskQueue, model }) => ({
        name,
        timeout,
        memory,
        retry,
        bigTaskQueue,
        model,
      }),
    );
    link.send({ type: 'functions', functions, error: null });
  } catch (error) {
    link.send({ type: 'functions', functions: [], error: describeThrown(error).error });
  }
}

async function runUnit(unit: RunnerUnit): Promise<void> {
  try {
    loop = new UnitLoop(unit, link, output, databases);
    const end = await loop.run();
    output.flush();
    link.send({ type: 'unitDone', ...end });
  } catch (error) {
    databases.close();
    const { error: info, retryable } = describeThrown(error);
    output.flush();
    link.send({ type: 'unitFailed', error: info, retryable });
  } finally {
    loop = null;
    output.current = null;
  }
}
