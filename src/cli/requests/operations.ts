/**
 * The operations of the library that a program in another language can ask for. Parameters and results are
 * JSON: see docs/host-protocol.md, which lists them.
 */
import { writeFile } from 'node:fs/promises';
import type {
  LogPageOptions,
  Partwise,
  RefusalType,
  RetryInput,
  RunEvent,
  RunHandle,
  RunInput,
  SelectedPartitions,
  SkipSelection,
  Tolerance,
} from '../..';
import type { ProjectConfig } from '../../config';
import type { Needs } from '../connections';
import { wasRefused } from '../../core/status';
import type { Params } from './params';

/** What an operation has besides its parameters. */
export interface Call {
  readonly partwise: Partwise;
  /** Aborted when the client gives up. */
  readonly signal: AbortSignal;
  /** Sends something to the client before the result. */
  emit(event: unknown): void;
}

/** An operation of the project, which needs no server. */
interface ProjectOperation {
  takes: readonly string[];
  ofProject(config: ProjectConfig): unknown;
}

/** An operation on a connection to the project's server. */
export interface ServerOperation extends Needs {
  /** Names of its parameters. */
  takes: readonly string[];
  /** Whether it waits for a run: it is given up when the client is gone. */
  waits?: boolean;
  run(call: Call, params: Params): Promise<unknown>;
}

type Operation = ProjectOperation | ServerOperation;

type Run = ServerOperation['run'];
const names = (takes: string): string[] => takes.split(' ').filter((name) => name !== '');
const reads = (takes: string, run: Run): ServerOperation => ({
  takes: names(takes),
  run,
  isRepeatable: true,
});
const changes = (takes: string, run: Run): ServerOperation => ({
  takes: names(takes),
  run,
  needsWorker: true,
});
/** Of the registry, which is in the warehouse. */
const changesRegistry = (takes: string, run: Run): ServerOperation => ({ takes: names(takes), run });

const LIST = 'limit after status function schedule text startedFrom startedBefore archived';

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  project: {
    takes: [],
    ofProject: ({ projectDir, stage, warehouse }) => ({ folder: projectDir, stage, warehouse }),
  },
  connect: {
    takes: [],
    isRepeatable: true,
    needsWorker: true,
    run: async ({ partwise: { address, embedded } }) => ({ address, embedded }),
  },
  /** Resolves once the run is planned, so that problems that only a worker finds are refused too. */
  start: changes('input runId', async ({ partwise, signal, emit }, params) => {
    const runId = params.optionalString('runId');
    // The library checks the input.
    const input = params.object('input') as unknown as RunInput;
    const handle = await partwise.start(input, runId === undefined ? {} : { runId });
    emit({ type: 'started', ...startedRun(handle) });
    await planned(handle, signal);
    return startedRun(handle);
  }),
  wait: {
    takes: names('run execution timeoutMs all'),
    waits: true,
    isRepeatable: true,
    needsWorker: true,
    run: (call, params) =>
      runOf(call, params).wait({
        timeoutMs: params.optionalNumber('timeoutMs'),
        signal: call.signal,
        partitions: params.optionalFlag('all') === true ? 'all' : 'failed',
        onEvent: (event: RunEvent) => call.emit(event),
      }),
  },
  status: reads('run execution', (call, params) => runOf(call, params).status()),
  progress: reads('run execution', (call, params) => runOf(call, params).progress()),
  partitions: reads('run execution status limit after from', (call, params) =>
    runOf(call, params).partitions({
      status: params.optionalString('status') as never,
      limit: params.optionalNumber('limit'),
      after: params.optionalString('after'),
      from: params.optionalNumber('from'),
    }),
  ),
  partition: reads('run execution partition', (call, params) => partitionOf(call, params).describe()),
  failures: reads('run execution', async (call, params) => {
    const { ordinalRanges }: typeof import('../..') = require('../..');
    const groups = await runOf(call, params).failures();
    return groups.map((group) => ({ ...group, ordinals: ordinalRanges(group.ordinals) }));
  }),
  compare: reads('run execution other otherExecution examples', async (call, params) => {
    const other = runOf(call, params, 'other', 'otherExecution');
    const examples = params.optionalNumber('examples');
    const { columns: _, order, ...comparison } = await runOf(call, params).compare(other, { examples });
    return { ...comparison, different: order.length };
  }),
  logs: {
    takes: names('run execution partition follow'),
    waits: true,
    run: async (call, params) => {
      const partition = params.optionalString('partition');
      const follow = params.optionalFlag('follow') ?? false;
      const lines = runOf(call, params).logs({ partition, follow, signal: call.signal });
      for await (const line of lines) call.emit(line);
    },
  },
  partitionLogs: reads('run execution partition', (call, params) => partitionOf(call, params).logs()),
  partitionLogPage: reads('run execution partition page', (call, params) =>
    // The library checks it.
    partitionOf(call, params).logPage(params.object('page') as LogPageOptions),
  ),
  artifacts: reads('run execution partition', (call, params) => partitionOf(call, params).artifacts.list()),
  downloadArtifact: reads('run execution partition name folder', async (call, params) => ({
    file: await partitionOf(call, params).artifacts.download(params.string('name'), params.string('folder')),
  })),
  saveResults: reads('run execution file', async (call, params) => ({
    columns: await runOf(call, params).saveResults(params.string('file')),
  })),
  list: reads(LIST, ({ partwise }, params) =>
    partwise.list({
      limit: params.optionalNumber('limit'),
      after: params.optionalString('after'),
      status: params.optionalString('status') as never,
      function: params.optionalString('function'),
      schedule: params.optionalString('schedule'),
      text: params.optionalString('text'),
      startedFrom: params.optionalTime('startedFrom'),
      startedBefore: params.optionalTime('startedBefore'),
      archived: params.optionalFlag('archived'),
    }),
  ),
  plan: reads('input', ({ partwise }, params) =>
    partwise.plan(params.object('input') as unknown as RunInput),
  ),
  models: reads('', async ({ partwise }) => (await partwise.registry()).models()),
  model: reads('model', async (call, params) => (await modelOf(call, params)).describe()),
  modelVersions: reads('model', async (call, params) => (await modelOf(call, params)).versions()),
  modelVersion: reads('model version', async (call, params) => (await versionOf(call, params)).describe()),
  saveModel: reads('model version partition file', async (call, params) => {
    const content = await (await versionOf(call, params)).load(params.string('partition'));
    await writeFile(params.string('file'), content);
  }),
  promote: changesRegistry('model version alias', async (call, params) =>
    (await modelOf(call, params)).promote(params.version(), params.string('alias')),
  ),
  tagVersion: changesRegistry('model version changes', async (call, params) =>
    (await versionOf(call, params)).tag(params.object('changes')),
  ),
  deleteVersion: changesRegistry('model version', async (call, params) => {
    await (await versionOf(call, params)).delete();
  }),
  retry: changes('run execution changes', async (call, params) => {
    const changed = params.object('changes') as RetryInput;
    const handle = await runOf(call, params).retry(changed);
    await planned(handle, call.signal);
    return startedRun(handle);
  }),
  previewRetry: reads('run execution changes', async (call, params) =>
    selected(await runOf(call, params).previewRetry(params.object('changes'))),
  ),
  cancel: changes('run execution', (call, params) => runOf(call, params).cancel()),
  pause: changes('run execution', (call, params) => runOf(call, params).pause()),
  unpause: changes('run execution', (call, params) => runOf(call, params).unpause()),
  set: changes('run execution maxConcurrency toleratedFailures', (call, params) =>
    runOf(call, params).set({
      maxConcurrency: params.optionalNumber('maxConcurrency'),
      // The library checks it.
      toleratedFailures: params.optionalNumberOrString('toleratedFailures') as Tolerance | undefined,
    }),
  ),
  skip: changes('run execution partitions ordinals generation', (call, params) =>
    runOf(call, params).skip(selectionOf(params)),
  ),
  previewSkip: reads('run execution partitions ordinals generation', async (call, params) =>
    selected(await runOf(call, params).previewSkip(selectionOf(params))),
  ),
};

/** Throws `StartRefused` if the run was refused, or failed otherwise, before it was planned. */
async function planned(handle: RunHandle, signal: AbortSignal): Promise<void> {
  for await (const event of handle.events({ signal, partitions: 'failed' })) {
    if (event.type === 'planned') return;
    if (event.type !== 'ended' || !wasRefused(event.state)) continue;
    const { StartRefused }: typeof import('../..') = require('../..');
    const { type, message } = event.state.error ?? { type: 'Terminated', message: 'The run was terminated.' };
    throw new StartRefused(type as RefusalType, message.replace(/^- /, '').split('\n- '));
  }
}

/** `name` is that of the parameter with the run id; an execution is in the parameter `execution`. */
function runOf({ partwise }: Call, params: Params, name = 'run', executionName = 'execution'): RunHandle {
  const run = partwise.getRun(params.string(name));
  const execution = params.optionalString(executionName);
  return execution === undefined ? run : run.execution(execution);
}

/** Partitions by id, or by number. */
function selectionOf(params: Params): SkipSelection {
  const ordinals = params.optionalString('ordinals');
  if (ordinals === undefined) return params.strings('partitions');
  return { ordinals, generation: params.optionalNumber('generation') };
}

function selected({ partitions, ordinals }: SelectedPartitions) {
  const { ordinalRanges }: typeof import('../..') = require('../..');
  return { partitions, ordinals: ordinalRanges(ordinals) };
}

function startedRun({ runId, workflowRunId }: RunHandle) {
  return { run: runId, execution: workflowRunId };
}

async function modelOf({ partwise }: Call, params: Params) {
  return (await partwise.registry()).model(params.string('model'));
}

async function versionOf(call: Call, params: Params) {
  return (await modelOf(call, params)).version(params.version());
}

function partitionOf(call: Call, params: Params) {
  return runOf(call, params).partition(params.string('partition'));
}
