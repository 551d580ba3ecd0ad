import { InvalidArgumentError, type Command } from 'commander';
import { loadProject, withProject, type ProjectOptions } from '../project';
import { aside, note } from '../terminal';

interface WorkerOptions extends ProjectOptions {
  functions?: string;
  runners?: number;
}

export function define(command: Command): void {
  command
    .option('--functions <file>', 'the file that exports the functions')
    .option(
      '--runners <n>',
      'partitions that run at once, each in a process of its own (default: the cores)',
      runners,
    );
  withProject(command).action(async (options: WorkerOptions) => {
    const config = await loadProject(options);
    const { startWorker } = require('../../worker') as typeof import('../../worker');
    const worker = await startWorker({ config });
    const names = worker.functions.length === 0 ? 'sql' : worker.functions.join(', ');
    note(`Executing runs of the task queue "${worker.taskQueue}": ${names}.`);
    let asked = false;
    const shutdown = (): void => {
      if (asked) return;
      asked = true;
      aside('Ending: what runs is finished or handed over …');
      worker.shutdown();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, shutdown);
    await worker.ended;
  });
}

function runners(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= 256) return Number(text);
  throw new InvalidArgumentError('Give a whole number from 1 to 256.');
}
