import { Option, type Command } from 'commander';
import { checkedInput } from '../checked-input';
import { GROUP, withExamples } from '../help';
import { loadProject } from '../connect';
import { atLeastOne, namedFunction, withJson, withProject } from '../options';
import { withOutcomeFlags, withRunFlags, withScheduledTime, type RunFlags } from '../run-flags';
import { startAndFollow, withStartFlags, type StartOptions } from '../start-and-follow';
import { tryInstead } from '../try';

interface RunCommandOptions extends RunFlags, StartOptions {
  try?: number;
}

const NOTES = `Exit codes: 0 the run completed; 1 it failed, was cancelled, or exceeded the failure tolerance;
2 nothing was started; 130 detached by Ctrl-C (the run continues).`;

export function define(command: Command): void {
  withExamples(
    command,
    [
      'run salesByRegion --from sales.csv --by region',
      'run salesByRegion --from sales.csv --by region --try 3',
      'run functions.py:sales_by_region --from sales.csv --by region',
      'run --sql "SELECT count(*) AS orders FROM data" --from sales.csv --by region',
      "run parseInvoice --from 'invoices/*.csv'",
    ],
    NOTES,
  );
  withStartFlags(withOutcomeFlags(withScheduledTime(withRunFlags(command))))
    .optionsGroup(GROUP.work)
    .addOption(
      new Option('--try <n>', 'call the function for n partitions locally, without starting a run')
        .argParser(atLeastOne)
        .conflicts('detach'),
    )
    .optionsGroup(GROUP.own);
  withJson(withProject(command)).action(run);
}

async function run(reference: string | undefined, given: RunCommandOptions): Promise<void> {
  const { name, flags: options } = namedFunction(reference, given);
  const config = await loadProject(options);
  const input = await checkedInput(name, options, config.projectDir);
  if (options.try !== undefined) {
    process.exitCode = await tryInstead(input, config, {
      partitions: options.try,
      json: options.json === true,
    });
    return;
  }
  await startAndFollow(input, config, options);
}
