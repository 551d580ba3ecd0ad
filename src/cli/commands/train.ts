import type { Command } from 'commander';
import { checkedInput } from '../checked-input';
import { withExamples } from '../help';
import { loadProject } from '../connect';
import { withJson, withProject } from '../options';
import { withFailureFlags, withSourceFlags, withTrainingFlags, type RunFlags } from '../run-flags';
import { startAndFollow, withStartFlags, type StartOptions } from '../start-and-follow';

const NOTES = `The model is registered under its own name unless --as gives another. Partitions that are not
trained keep their model from the newest version. The metrics are the run's results: partwise
results RUN.`;

export function define(command: Command): void {
  withExamples(
    command,
    [
      'train traffic --from flights.parquet --by dest --holdout "hour >= \'2013-12-04\'"',
      'train traffic --from flights.parquet --by dest --only LAX --only SFO',
    ],
    NOTES,
  );
  const named = command.argument('<model>', 'name of the partition model');
  const flags = withStartFlags(withFailureFlags(withTrainingFlags(withSourceFlags(named))));
  withJson(withProject(flags)).action(train);
}

async function train(model: string, options: RunFlags & StartOptions): Promise<void> {
  const config = await loadProject(options);
  const flags = { ...options, as: options.as ?? model };
  await startAndFollow(await checkedInput(`${model}.train`, flags, config.projectDir), config, options);
}
