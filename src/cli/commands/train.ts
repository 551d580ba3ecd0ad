import type { Command } from 'commander';
import { checkedInput } from '../checked-input';
import { asVersion } from '../model-reference';
import { loadProject, withJson, withProject } from '../project';
import { withFailureFlags, withSourceFlags, type RunFlags } from '../run-flags';
import { startAndFollow, type StartOptions } from '../start-and-follow';

interface TrainOptions extends RunFlags, StartOptions {
  holdout?: string;
  as?: string;
  base?: string;
}

const HELP = `
Examples:
  partwise train traffic --from flights.parquet --by dest --holdout "hour >= '2013-12-04'"
  partwise train traffic --from flights.parquet --by dest --only LAX --only SFO

What is not trained now stays as it is in the newest version. Metrics are the run's results: partwise results RUN.`;

export function define(command: Command): void {
  const flags = withFailureFlags(withSourceFlags(command.argument('<model>', 'name of the partition model')));
  flags
    .option(
      '--holdout <condition>',
      'rows that meet it are not trained on, and the metrics are measured on them',
    )
    .option('--as <name>', "name in the registry (default: the model's own)")
    .option('--base <version>', 'version that keeps what is not trained now, or none (default: the newest)')
    .option('--run-id <id>', 'name of the run (default: made of the function and the time)')
    .option('--on-existing <policy>', 'when the run id is taken: error (default), overwrite or resume')
    .option('--detach', 'start it and return; the run goes on')
    .option('--strict', 'exit with 1 when any partition failed, tolerated or not');
  withJson(withProject(flags)).addHelpText('after', HELP).action(train);
}

async function train(model: string, options: TrainOptions): Promise<void> {
  const { holdout, as = model, base } = options;
  const config = await loadProject(options);
  const input = await checkedInput(`${model}.train`, options, config.projectDir, {
    output: { model: as, ...(base !== undefined && { base: asVersion(base) }) },
    ...(holdout !== undefined && { model: { holdout } }),
  });
  await startAndFollow(input, config, options);
}
