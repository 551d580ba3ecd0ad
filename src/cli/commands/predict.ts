import type { Command } from 'commander';
import type { ModelInput } from '../../index';
import { checkedInput } from '../checked-input';
import { CannotDo } from '../exit';
import { parseModel } from '../model-reference';
import { toPartitionId } from '../partition-argument';
import { loadProject, withJson, withPartwise, withProject } from '../project';
import { withOutcomeFlags, withSourceFlags, type RunFlags } from '../run-flags';
import { startAndFollow, type StartOptions } from '../start-and-follow';

interface PredictOptions extends RunFlags, StartOptions {
  run?: string;
  onMissing?: string;
  fallback?: string;
  keep?: string;
  holdout?: string;
  stateless?: boolean;
}

const HELP = `
Examples:
  partwise predict traffic@production --from new_flights.parquet --by dest --output forecast --keep hour
  partwise predict traffic --run monday --from new_flights.parquet --by dest
  partwise predict traffic --stateless --holdout "hour >= '2013-12-04'" --from flights.parquet --by dest --keep hour`;

export function define(command: Command): void {
  const flags = withOutcomeFlags(
    withSourceFlags(
      command.argument(
        '<model>',
        'model, or MODEL@VERSION: a number or an alias (default: the newest version)',
      ),
    ),
  );
  flags
    .option('--run <run>', "predict with this training run's models")
    .option('--on-missing <policy>', 'a partition without a model: error (default), skip or fallback')
    .option('--fallback <key>', 'with --on-missing fallback: the partition whose model stands in')
    .option('--keep <columns>', 'input columns that predictions carry, separated by commas')
    .option('--stateless', 'train and predict in one go and drop the model; with --holdout')
    .option('--holdout <condition>', 'with --stateless: rows to predict; the others are trained on')
    .option('--run-id <id>', 'name of the run (default: made of the function and the time)')
    .option('--on-existing <policy>', 'when the run id is taken: error (default), overwrite or resume')
    .option('--detach', 'start it and return; the run goes on')
    .option('--strict', 'exit with 1 when any partition failed, tolerated or not');
  withJson(withProject(flags)).addHelpText('after', HELP).action(predict);
}

async function predict(reference: string, options: PredictOptions): Promise<void> {
  const { name, version } = parseModel(reference);
  const { run, keep, fallback, onMissing, holdout, stateless = false } = options;
  if (stateless && (version !== undefined || run !== undefined))
    throw new CannotDo('--stateless trains its own models: leave the version and --run out.');
  const config = await loadProject(options);
  const columns = options.by?.split(',').length ?? 1;
  const model = {
    ...(stateless ? {} : run === undefined ? { name, ...(version !== undefined && { version }) } : { run }),
    ...(onMissing !== undefined && { onMissing }),
    ...(fallback !== undefined && { fallback: toPartitionId(fallback, columns) }),
    ...(keep !== undefined && { keep: keep.split(',').map((column) => column.trim()) }),
    ...(holdout !== undefined && { holdout }),
  } as ModelInput;
  const definition = stateless || run !== undefined ? name : await definitionOf(name, options, config);
  const task = stateless ? 'fitPredict' : 'predict';
  const input = await checkedInput(`${definition}.${task}`, options, config.projectDir, { model });
  await startAndFollow(input, config, options);
}

/** A model may be registered under another name than its definition's. */
async function definitionOf(
  name: string,
  { warehouse }: PredictOptions,
  config: Awaited<ReturnType<typeof loadProject>>,
): Promise<string> {
  return withPartwise(config, { needWorker: false }, async (partwise) => {
    const registry = await partwise.registry(warehouse === undefined ? {} : { warehouse });
    return (await registry.model(name).describe()).definition;
  });
}
