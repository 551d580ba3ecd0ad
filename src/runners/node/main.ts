/**
 * Entry point of a runner process, which describes a bundle or runs a unit's partitions at its worker's
 * request.
 */
import { Socket } from 'node:net';
import type { FunctionDescription } from '../../core/function-description';
import { describeThrown } from '../../functions/errors';
import { Channel, CHANNEL_FD, CLOSED_EXIT_CODE } from '../channel';
import { loadFunctions } from './load-functions';
import { OutputCapture } from './output-capture';
import { ProcessState } from './process-state';
import { PROTOCOL_VERSION, type RunnerUnit, type ToRunner } from '../protocol';
import { encodeValue } from '../tagged-values';
import { UnitDatabases } from './unit-databases';
import { UnitLoop } from './unit-loop';
import { startWatchdog } from './watchdog';
import { openState, WorkerLink } from './worker-link';

const setExiting = startWatchdog(Number(process.argv[2]));
const onExit = (): void => setExiting(true);

const channel = new Channel(new Socket({ fd: CHANNEL_FD }), {
  onMessage: (message) => receive(message as ToRunner),
  onBroken: () => process.exit(),
  // The worker is gone, or a function has closed the descriptor.
  onClose: () => process.exit(CLOSED_EXIT_CODE),
});
const shared = new ProcessState();
const state = openState(channel, restore);
const databases = new UnitDatabases();
let link: WorkerLink | null = null;
let loop: UnitLoop | null = null;
const output = new OutputCapture((lines) => link?.send({ type: 'log', lines }));
output.install();
listen();
channel.send({ type: 'ready', protocol: PROTOCOL_VERSION });

function receive(message: ToRunner): void {
  switch (message.type) {
    case 'describe':
      return void describeBundle(message.bundle);
    case 'unit':
      return void runUnit(message.unit);
    case 'drain':
      return loop?.drain();
    case 'abort':
      return loop?.abort(message);
    case 'reply':
      return link?.answer(message);
    case 'ping':
      return channel.send({ type: 'pong' });
  }
}

const LISTENED = ['uncaughtException', 'unhandledRejection', 'exit'] as const;

function restore(): void {
  shared.restore();
  // A function may have emitted the event itself.
  setExiting(false);
  if (LISTENED.some((event) => process.listenerCount(event) === 0)) listen();
}

/** Adds the process's listeners, unless they are present: a function may have removed them. */
function listen(): void {
  output.listen();
  if (!process.listeners('exit').includes(onExit)) process.prependListener('exit', onExit);
  // enforces I5: an uncaught error is charged to the partition whose code raised it.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    if (!process.listeners(event as 'uncaughtException').includes(onUncaught)) process.on(event, onUncaught);
  }
}

function onUncaught(error: unknown): void {
  const call = output.call.getStore() ?? output.current;
  if (loop?.fail(call, error) === true) return;
  const { type, message, stack } = describeThrown(error).error;
  output.line('stderr', `Uncaught ${type} after its partition had finished: ${stack ?? message}`);
}

async function describeBundle(bundle: string): Promise<void> {
  try {
    const described = [...(await loadFunctions(bundle)).values()].map(
      ({ name, timeout, memory, retry, bigTaskQueue, output, model }) => ({
        name,
        timeout,
        memory,
        retry,
        bigTaskQueue,
        output,
        // Without its code.
        model: model && { name: model.name, task: model.task },
      }),
    );
    const functions = described.map(encodeValue) as FunctionDescription[];
    channel.send({ type: 'functions', functions, error: null });
  } catch (error) {
    channel.send({ type: 'functions', functions: [], error: describeThrown(error).error });
  }
}

async function runUnit(unit: RunnerUnit): Promise<void> {
  listen();
  output.beginUnit();
  link = new WorkerLink(state);
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
    link.close();
    link = null;
    loop = null;
    output.current = null;
  }
}
