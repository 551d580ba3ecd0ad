/**
 * Runs whose partitions wait, fail or refuse to stop as a test says; each call is written to an external
 * file.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunHandle, RunInput } from '../../src/index';
import { changed } from './files';
import type { TestProject } from './project';

export const GATED_FUNCTIONS = `
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';

/**
 * params.wait: partitions that wait until they are released (true: all); params.fails: partitions that then
 * throw, with their message (a string: all); params.deaf: whether waiting partitions ignore the signal, and
 * never stop on their own.
 */
export const gated = definePartitionFunction({
  name: 'gated',
  async run(data, context) {
    const { calls, gate, wait = [], fails = {}, deaf = false, ms = 0 } = context.params;
    const id = context.partitionId;
    appendFileSync(calls, 'begin ' + id + ' ' + process.pid + '\\n');
    if (ms > 0) await sleep(ms);
    if (wait === true || wait.includes(id)) {
      while (!existsSync(gate + '.' + id) && !existsSync(gate)) {
        if (!deaf) context.signal.throwIfAborted();
        await sleep(20);
      }
    }
    // Releasing the name "fixed" ends all failures.
    const message = existsSync(gate + '.fixed') ? undefined : typeof fails === 'string' ? fails : fails[id];
    // Never retried.
    if (message?.startsWith('final:')) throw new TypeError(message.replaceAll('ID', id));
    if (message !== undefined) throw new RangeError(message.replaceAll('ID', id));
    appendFileSync(calls, 'end ' + id + ' ' + process.pid + '\\n');
    return { value: id };
  },
});
`;

interface Call {
  what: 'begin' | 'end';
  id: string;
  pid: number;
}

export interface GatedRun {
  run: RunHandle;
  calls(): Call[];
  /** Ids of partitions whose function was called, once per call. */
  started(): string[];
  /** Resolves once the function was called for these partitions. */
  untilStarted(...ids: string[]): Promise<void>;
  /** Resolves once the function was called `n` times. */
  untilCalls(n: number): Promise<void>;
  /** Releases these partitions; without ids, all. */
  release(...ids: string[]): Promise<void>;
}

export async function startGated(
  project: TestProject,
  name: string,
  input: Partial<RunInput> & Pick<RunInput, 'source'>,
): Promise<GatedRun> {
  const runId = project.runId(name);
  const calls = join(project.folder, `${runId}.calls`);
  const gate = join(project.folder, `${runId}.gate`);
  await writeFile(calls, '');
  const run = await project.partwise.start(
    {
      function: 'gated',
      partitionBy: ['k'],
      ...input,
      params: { calls, gate, ...input.params },
      options: { heartbeatTimeout: '3s', retry: { maximumAttempts: 1 }, ...input.options },
    },
    { runId },
  );
  const read = (): Call[] =>
    readFileSync(calls, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [what, id, pid] = line.split(' ');
        return { what: what as Call['what'], id: id!, pid: Number(pid) };
      });
  const started = (): string[] => read().flatMap(({ what, id }) => (what === 'begin' ? [id] : []));
  return {
    run,
    calls: read,
    started,
    untilStarted: (...ids) => changed(calls, () => ids.every((id) => started().includes(id))),
    untilCalls: (n) => changed(calls, () => started().length >= n),
    release: async (...ids) => {
      if (ids.length === 0) await writeFile(gate, '');
      for (const id of ids) await writeFile(`${gate}.${id}`, '');
    },
  };
}

/** Resolves when the run's state satisfies the condition. */
export async function untilState(
  run: RunHandle,
  condition: (state: Awaited<ReturnType<RunHandle['status']>>) => boolean,
): Promise<void> {
  for await (const event of run.events()) {
    if (event.type === 'progress' && condition(event.state)) return;
    if (event.type === 'ended') throw new Error(`The run ended first: ${JSON.stringify(event.state)}`);
  }
}

/** The status of each partition, by id. */
export async function statuses(run: RunHandle): Promise<Record<string, string>> {
  const { partitions } = await run.partitions();
  return Object.fromEntries(partitions.map(({ id, status }) => [id, status]));
}
