import type { Command } from 'commander';
import { withExamples } from '../help';
import { loadProject, withoutServer } from '../connect';
import { withFunctions, withProject, type ProjectFlags } from '../options';
import { shellWord } from '../../core/shell-word';
import { outliveReader, aside, note, paint, print } from '../terminal';

interface DevOptions extends ProjectFlags {
  functions?: string;
  open?: boolean;
  ui?: boolean;
}

export function define(command: Command): void {
  withExamples(command, ['dev', 'dev --ui', 'dev --open']);
  withFunctions(command)
    .option(
      '--open',
      'accept runs from anyone on this machine, limited to the functions, warehouse and stage of the project',
    )
    .option('--ui', "also serve Temporal's own web UI, at a secret URL that is printed");
  withProject(command).action(async (options: DevOptions) => {
    // It serves others, whoever reads what it prints.
    outliveReader();
    const config = await loadProject(options);
    const { open = false, ui = false } = options;
    await withoutServer(config, (project) =>
      project.serve({
        open,
        ui,
        onEvent: ({ message }) => aside(message),
        onReady: ({ address, uiUrl, taskQueue, functions: [name = 'sql'], proofOf }) => {
          const input = exampleInput(name);
          print(welcome({ address, uiUrl, taskQueue, input, proof: proofOf(EXAMPLE_RUN, input) }));
        },
      }),
    );
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

interface Welcome {
  address: string;
  uiUrl: string | null;
  taskQueue: string;
  input: object;
  /** Null when the server accepts runs without a proof. */
  proof: string | null;
}

function welcome({ address, uiUrl, taskQueue, input, proof }: Welcome): string {
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
    ...(uiUrl === null ? [] : [`${paint.green('ui')}     Temporal's web UI at ${paint.bold(uiUrl)}`]),
    `${paint.dim(rule)}`,
    `  ${paint.cyan(start)}`,
  ].join('\n');
}
