/** Runs whose function notes each call in an external file, as a record of what really happened. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunHandle, RunOptions } from '../../src/index';
import { changed } from './files';
import type { TestProject } from './project';

interface Call {
  what: string;
  id: string;
  attempt: number;
  pid: number;
}

export interface NotedRun {
  run: RunHandle;
  /** The lines of the file: `WHAT ID ATTEMPT PID`. */
  calls(): Call[];
  /** How often the function began for a partition. */
  started(id: string): number;
  /** Resolves once the calls satisfy the condition. */
  until(condition: (calls: Call[]) => boolean): Promise<void>;
  openGate(): Promise<void>;
}

/** `name` begins with the function's, up to a hyphen. `params` get the files `calls` and `gate` too. */
export async function startNoted(
  project: TestProject,
  name: string,
  table: string,
  params: Record<string, unknown> = {},
  options: RunOptions = {},
): Promise<NotedRun> {
  const runId = project.runId(name);
  const calls = join(project.folder, `${runId}.calls`);
  const gate = join(project.folder, `${runId}.gate`);
  await writeFile(calls, '');
  const run = await project.partwise.start(
    {
      function: name.split('-')[0]!,
      source: { table },
      partitionBy: ['k'],
      params: { calls, gate, ...params },
      options: { heartbeatTimeout: '3s', ...options },
    },
    { runId },
  );
  const read = (): Call[] =>
    readFileSync(calls, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' '))
      .map(([what, id, attempt, pid]) => ({
        what: what!,
        id: id!,
        attempt: Number(attempt),
        pid: Number(pid),
      }));
  return {
    run,
    calls: read,
    started: (id) => read().filter((call) => call.what === 'begin' && call.id === id).length,
    until: (condition) => changed(calls, () => condition(read())),
    openGate: () => writeFile(gate, ''),
  };
}
