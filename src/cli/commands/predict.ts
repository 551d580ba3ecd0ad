import type { Command } from 'commander';
import { runIdOf } from '../last-run';
import { checkedInput } from '../checked-input';
import { CannotDo } from '../exit';
import { GROUP, withExamples } from '../help';
import { parseModel } from '../model-reference';
import { loadProject, withPartwise } from '../connect';
import { withJson, withProject } from '../options';
import {
  withHoldout,
  withOutcomeFlags,
  withPredictionFlags,
  withSourceFlags,
  type RunFlags,
} from '../run-flags';
import { startAndFollow, withStartFlags, type StartOptions } from '../start-and-follow';

interface PredictOptions extends RunFlags, StartOptions {
  stateless?: boolean;
}

export function define(command: Command): void {
  withExamples(command, [
    'predict traffic@production --from new_flights.parquet --by dest --output forecast --keep hour',
    'predict traffic --run monday --from new_flights.parquet --by dest',
    'predict traffic --stateless --holdout "hour >= \'2013-12-04\'" --from flights.parquet --by dest --keep hour',
  ]);
  const named = command.argument(
    '<model>',
    'model, or MODEL@VERSION, where VERSION is a number or an alias (default: the newest)',
  );
  const flags = withHoldout(withPredictionFlags(withOutcomeFlags(withSourceFlags(named))))
    .optionsGroup(GROUP.models)
    .option('--run <run>', 'use the models of this training run, or of @last, the newest run')
    .option(
      '--stateless',
      'train on the rows that are not held out, predict the rows of --holdout, and discard the model',
    )
    .optionsGroup(GROUP.own);
  withJson(withProject(withStartFlags(flags))).action(predict);
}

async function predict(reference: string, options: PredictOptions): Promise<void> {
  const { name, version } = parseModel(reference);
  const { stateless = false } = options;
  if (stateless && (version !== undefined || options.run !== undefined))
    throw new CannotDo('--stateless trains its own models: remove the version and --run.');
  if (options.run !== undefined && version !== undefined)
    throw new CannotDo(
      '--run uses the models of a run, so it cannot be combined with a version: remove one of the two.',
    );
  const config = await loadProject(options);
  const run =
    options.run &&
    (await withPartwise(config, { needWorker: false }, (partwise) => runIdOf(partwise, options.run!)));
  const own = stateless || run !== undefined;
  const definition = own ? name : await definitionOf(name, options, config);
  const flags = own ? { ...options, run } : { ...options, model: reference };
  const task = stateless ? 'fitPredict' : 'predict';
  const input = await checkedInput(`${definition}.${task}`, flags, config.projectDir);
  await startAndFollow(input, config, options);
}

/** The definition's name: a model may be registered under another name. */
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
