import { InvalidArgumentError, Option, type Command } from 'commander';
import type { RunInput } from '../../run/input';
import { checkedInput } from '../checked-input';
import { OK } from '../exit';
import { follow, untilInterrupted } from '../follow';
import { suggesting } from '../invocation';
import { loadProject, wholeNumber, withJson, withPartwise, withProject } from '../project';
import { nextCommands } from '../render/next-commands';
import { clean } from '../render/text';
import { withOutcomeFlags, withRunFlags, withScheduledTime, type RunFlags } from '../run-flags';
import { tryInstead } from '../try';
import { aside, errorPaint, note, paint, print, printJson } from '../terminal';

interface RunCommandOptions extends RunFlags {
  try?: number;
  runId?: string;
  detach?: boolean;
  strict?: boolean;
  json?: boolean;
}

const HELP = `
Examples:
  partwise run salesByRegion --from sales.csv --by region
  partwise run salesByRegion --from sales.csv --by region --try 3
  partwise run --sql "SELECT count(*) AS orders FROM data" --from sales.csv --by region
  partwise run parseInvoice --from 'invoices/*.csv'

Exit codes: 0 the run completed; 1 it failed, was cancelled, or more partitions failed than are tolerated;
2 nothing was started; 130 detached by Ctrl-C (the run goes on).`;

export function define(command: Command): void {
  withOutcomeFlags(withScheduledTime(withRunFlags(command)))
    .option('--run-id <id>', 'name of the run (default: made of the function and the time)')
    .option('--on-existing <policy>', 'when the run id is taken: error (default), overwrite or resume')
    .addOption(
      new Option('--try <n>', 'run only so many partitions, here and now; no run is started')
        .argParser((text: string) => atLeastOne(wholeNumber(text)))
        .conflicts('detach'),
    )
    .option('--detach', 'start it and return; the run goes on')
    .option('--strict', 'exit with 1 when any partition failed, tolerated or not');
  withJson(withProject(command)).addHelpText('after', HELP).action(run);
}

async function run(functionName: string | undefined, options: RunCommandOptions): Promise<void> {
  const config = await loadProject(options);
  const input = await checkedInput(functionName, options, config.projectDir);
  if (options.try !== undefined) {
    process.exitCode = await tryInstead(input, config, {
      partitions: options.try,
      json: options.json === true,
    });
    return;
  }
  const suggest = suggesting(options);
  process.exitCode = await untilInterrupted('Stopped: no run was started.', (interrupt) =>
    withPartwise(config, { needWorker: true, signal: interrupt }, async (partwise) => {
      const handle = await partwise.start(input, options.runId === undefined ? {} : { runId: options.runId });
      announce(handle.runId, input);
      if (options.detach !== true) {
        return follow(handle, {
          json: options.json === true,
          strict: options.strict === true,
          suggest,
          interrupt,
        });
      }
      const state = await handle.status();
      if (options.json === true) printJson(state);
      else print(nextCommands({ state, failed: null, hasArtifacts: false, suggest }, paint));
      return OK;
    }),
  );
}

function atLeastOne(n: number): number {
  if (n > 0) return n;
  throw new InvalidArgumentError('Give a whole number, 1 or more.');
}

function announce(runId: string, input: RunInput): void {
  const { source, partitionBy = [] } = input;
  const from = 'table' in source ? `table ${source.table}` : 'query' in source ? 'a query' : source.files;
  const by = partitionBy.length === 0 ? 'each file' : `each ${partitionBy.join(', ')}`;
  note(`${errorPaint.dim('run')} ${errorPaint.bold(clean(runId))}`);
  aside(`${clean(input.function)} for ${clean(by)} of ${clean(from)}`);
}
