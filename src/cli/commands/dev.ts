import type { Command } from 'commander';
import { functionNames } from '../function-names';
import { loadProject, withProject, type ProjectOptions } from '../project';
import { shellWord } from '../render/shell-word';
import { aside, note, paint, print } from '../terminal';

interface DevOptions extends ProjectOptions {
  functions?: string;
}

export function define(command: Command): void {
  command.option('--functions <file>', 'the file that exports the functions');
  withProject(command).action(async (options: DevOptions) => {
    const config = await loadProject(options);
    const { resolveTemporal, runHostInForeground } =
      require('../../temporal') as typeof import('../../temporal');
    const { CannotDo } = require('../exit') as typeof import('../exit');
    const named = resolveTemporal(config.temporal, process.env);
    if (named.kind === 'named') {
      throw new CannotDo(
        `\`partwise dev\` brings a server of its own, and a server is named: ${named.address}. ` +
          'Use `partwise worker` to execute its runs, or take the address (or profile) out of configuration and environment.',
      );
    }
    const taskQueue = config.temporal.taskQueue ?? 'partwise';
    // What is wrong with the functions, the worker says when it is needed.
    const [name = 'sql'] = await functionNames(config).catch((): string[] => []);
    let address = '';
    await runHostInForeground({
      projectDir: config.projectDir,
      settings: config.temporal,
      onEvent(event) {
        aside(event.message);
        if (event.type === 'serverReady') address = event.address;
        if (event.type === 'workerReady') print(welcome(address, taskQueue, exampleInput(name)));
      },
    });
    note('Server and worker have ended.');
  });
}

function exampleInput(name: string): object {
  if (name === 'salesByRegion')
    return { function: name, source: { files: 'sales.csv' }, partitionBy: ['region'] };
  const sql = name === 'sql' ? { sql: 'SELECT count(*) AS n FROM data' } : {};
  return { function: name, source: { table: 'TABLE' }, partitionBy: ['COLUMN'], ...sql };
}

function welcome(address: string, taskQueue: string, input: object): string {
  const start =
    `temporal workflow start --address ${address} --type partitionedRun --task-queue ${shellWord(taskQueue)} ` +
    `--workflow-id my-run --input ${shellWord(JSON.stringify(input))}`;
  return [
    `${paint.green('ready')}  Temporal at ${paint.bold(address)}, task queue ${taskQueue}. Ctrl-C ends both.`,
    `${paint.dim('From anywhere, start a run with')}`,
    `  ${paint.cyan(start)}`,
  ].join('\n');
}
