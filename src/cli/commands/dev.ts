import type { Command } from 'commander';
import { functionNames } from '../function-names';
import { withExamples } from '../help';
import { loadProject, withProject, type ProjectOptions } from '../project';
import { shellWord } from '../render/next-commands';
import { aside, note, paint, print } from '../terminal';

interface DevOptions extends ProjectOptions {
  functions?: string;
  open?: boolean;
}

export function define(command: Command): void {
  withExamples(command, ['dev', 'dev --open']);
  command
    .option('--functions <file>', 'file that exports the functions')
    .option(
      '--open',
      'accept runs from anyone on this machine, limited to the functions, warehouse and stage of the project',
    );
  withProject(command).action(async (options: DevOptions) => {
    const config = await loadProject(options);
    const {
      resolveTemporal,
      runHostInForeground,
    }: typeof import('../../temporal') = require('../../temporal');
    const { CannotDo }: typeof import('../exit') = require('../exit');
    const named = resolveTemporal(config.temporal, process.env);
    if (named.kind === 'named') {
      throw new CannotDo(
        `\`partwise dev\` starts its own server, but a server is configured: ${named.address}. ` +
          'Use `partwise worker` to run a worker for that server, or remove its address or profile from the configuration and the environment.',
      );
    }
    const taskQueue = config.temporal.taskQueue ?? 'partwise';
    // The worker reports problems with the functions when it needs them.
    const [name = 'sql'] = await functionNames(config).catch((): string[] => []);
    const { projectDir } = config;
    const input = exampleInput(name);
    let address = '';
    await runHostInForeground({
      projectDir,
      open: options.open === true,
      settings: config.temporal,
      onEvent(event) {
        aside(event.message);
        if (event.type === 'serverReady') address = event.address;
        if (event.type !== 'workerReady') return;
        const proof = options.open === true ? null : proofOf(projectDir, input);
        print(welcome({ address, taskQueue, input, proof }));
      },
    });
    note('Server and worker have stopped.');
  });
}

function exampleInput(name: string): object {
  if (name === 'salesByRegion')
    return { function: name, source: { files: 'sales.csv' }, partitionBy: ['region'] };
  const sql = name === 'sql' ? { sql: 'SELECT count(*) AS n FROM data' } : {};
  return { function: name, source: { table: 'TABLE' }, partitionBy: ['COLUMN'], ...sql };
}

const EXAMPLE_RUN = 'my-run';

function proofOf(projectDir: string, input: object): string {
  const { projectSecret }: typeof import('../../temporal') = require('../../temporal');
  const { startProof }: typeof import('../../trust/start-proof') = require('../../trust/start-proof');
  return startProof(projectSecret(projectDir), 'run', EXAMPLE_RUN, input);
}

interface Welcome {
  address: string;
  taskQueue: string;
  input: object;
  /** Null when the server accepts runs without a proof. */
  proof: string | null;
}

function welcome({ address, taskQueue, input, proof }: Welcome): string {
  const header = proof === null ? '' : ` --headers ${shellWord(`partwise-proof=${JSON.stringify(proof)}`)}`;
  const start =
    `temporal workflow start --address ${address} --type partitionedRun --task-queue ${shellWord(taskQueue)} ` +
    `--workflow-id ${EXAMPLE_RUN} --input ${shellWord(JSON.stringify(input))}${header}`;
  const rule =
    proof === null
      ? 'Anyone on this machine can start runs, limited to the functions, warehouse and stage of this project. For example:'
      : 'To start a run with the Temporal CLI (the header is valid for this id and input only; partwise dev --open needs none):';
  return [
    `${paint.green('ready')}  Temporal at ${paint.bold(address)}, task queue ${taskQueue}. Ctrl-C stops both.`,
    `${paint.dim(rule)}`,
    `  ${paint.cyan(start)}`,
  ].join('\n');
}
