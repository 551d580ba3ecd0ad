/**
 * The operations of the library that a program in another language can ask for. Parameters and results are
 * JSON: see docs/host-protocol.md, which lists them.
 */
import { writeFile } from 'node:fs/promises';
import type { Partwise, RefusalType, RetryInput, RunEvent, RunHandle, RunInput, Tolerance } from '../..';
import type { ProjectConfig } from '../../config';
import type { Needs } from '../connections';
import { isObject } from '../../core/json';
import { wasRefused } from '../../core/status';

/** The parameters of an operation are wrong; the message says which. */
export class BadParams extends Error {
  override name = 'BadParams';
}

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

/** Parameters, whose types are checked as they are read. */
export class Params {
  /** Throws `BadParams` for a name that the operation does not take. */
  constructor(
    private readonly operation: string,
    takes: readonly string[],
    private readonly values: Readonly<Record<string, unknown>>,
  ) {
    const unknown = Object.keys(values).find((name) => !takes.includes(name));
    if (unknown === undefined) return;
    const known = takes.length === 0 ? 'no parameters' : takes.join(', ');
    throw new BadParams(
      `The operation "${operation}" has no parameter ${JSON.stringify(unknown)}; it takes ${known}.`,
    );
  }

  string(name: string): string {
    const value = this.optionalString(name);
    if (value === undefined) throw this.#bad(name, 'a string');
    return value;
  }

  optionalString(name: string): string | undefined {
    return this.#optional(name, 'a string', (value): value is string => typeof value === 'string');
  }

  optionalNumber(name: string): number | undefined {
    return this.#optional(name, 'a number', (value): value is number => typeof value === 'number');
  }

  optionalFlag(name: string): boolean | undefined {
    return this.#optional(name, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  strings(name: string): string[] {
    const areStrings = (value: unknown): value is string[] =>
      Array.isArray(value) && value.every((each) => typeof each === 'string');
    const value = this.#optional(name, 'a list of strings', areStrings);
    if (value === undefined) throw this.#bad(name, 'a list of strings');
    return value;
  }

  object(name: string): Record<string, unknown> {
    return this.#optional(name, 'an object', isObject) ?? {};
  }

  optionalNumberOrString(name: string): number | string | undefined {
    return this.#optional(name, 'a number or a string', (value): value is number | string =>
      ['number', 'string'].includes(typeof value),
    );
  }

  /** Of a model. */
  version(): number | string {
    const value = this.optionalNumberOrString('version');
    if (value === undefined) throw this.#bad('version', 'a number or an alias');
    return value;
  }

  run({ partwise }: Call): RunHandle {
    const handle = partwise.getRun(this.string('run'));
    const execution = this.optionalString('execution');
    return execution === undefined ? handle : handle.execution(execution);
  }

  #optional<T>(name: string, takes: string, fits: (value: unknown) => value is T): T | undefined {
    const value = Object.hasOwn(this.values, name) ? this.values[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (!fits(value)) throw this.#bad(name, takes);
    return value;
  }

  #bad(name: string, takes: string): BadParams {
    const given = Object.hasOwn(this.values, name) ? `is ${JSON.stringify(this.values[name])}` : 'is missing';
    return new BadParams(`"${name}" of the operation "${this.operation}" ${given}; it takes ${takes}.`);
  }
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
      params.run(call).wait({
        timeoutMs: params.optionalNumber('timeoutMs'),
        signal: call.signal,
        partitions: params.optionalFlag('all') === true ? 'all' : 'failed',
        onEvent: (event: RunEvent) => call.emit(event),
      }),
  },
  status: reads('run execution', (call, params) => params.run(call).status()),
  progress: reads('run execution', (call, params) => params.run(call).progress()),
  partitions: reads('run execution status limit after from', (call, params) =>
    params.run(call).partitions({
      status: params.optionalString('status') as never,
      limit: params.optionalNumber('limit'),
      after: params.optionalString('after'),
      from: params.optionalNumber('from'),
    }),
  ),
  partition: reads('run execution partition', (call, params) => partitionOf(call, params).describe()),
  failures: reads('run execution', (call, params) => params.run(call).failures()),
  logs: {
    takes: names('run execution partition follow'),
    waits: true,
    run: async (call, params) => {
      const partition = params.optionalString('partition');
      const follow = params.optionalFlag('follow') ?? false;
      const lines = params.run(call).logs({ partition, follow, signal: call.signal });
      for await (const line of lines) call.emit(line);
    },
  },
  partitionLogs: reads('run execution partition', (call, params) => partitionOf(call, params).logs()),
  artifacts: reads('run execution partition', (call, params) => partitionOf(call, params).artifacts.list()),
  downloadArtifact: reads('run execution partition name folder', async (call, params) => ({
    file: await partitionOf(call, params).artifacts.download(params.string('name'), params.string('folder')),
  })),
  saveResults: reads('run execution file', async (call, params) => ({
    columns: await params.run(call).saveResults(params.string('file')),
  })),
  list: reads('limit after status function schedule text', ({ partwise }, params) =>
    partwise.list({
      limit: params.optionalNumber('limit'),
      after: params.optionalString('after'),
      status: params.optionalString('status') as never,
      function: params.optionalString('function'),
      schedule: params.optionalString('schedule'),
      text: params.optionalString('text'),
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
    const handle = await params.run(call).retry(changed);
    await planned(handle, call.signal);
    return startedRun(handle);
  }),
  previewRetry: reads('run execution changes', async (call, params) => {
    const { ordinalRanges }: typeof import('../..') = require('../..');
    const { partitions, ordinals } = await params.run(call).previewRetry(params.object('changes'));
    return { partitions, ordinals: ordinalRanges(ordinals) };
  }),
  cancel: changes('run execution', (call, params) => params.run(call).cancel()),
  pause: changes('run execution', (call, params) => params.run(call).pause()),
  unpause: changes('run execution', (call, params) => params.run(call).unpause()),
  set: changes('run execution maxConcurrency toleratedFailures', (call, params) =>
    params.run(call).set({
      maxConcurrency: params.optionalNumber('maxConcurrency'),
      // The library checks it.
      toleratedFailures: params.optionalNumberOrString('toleratedFailures') as Tolerance | undefined,
    }),
  ),
  skip: changes('run execution partitions', (call, params) =>
    params.run(call).skip(params.strings('partitions')),
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
  return params.run(call).partition(params.string('partition'));
}
