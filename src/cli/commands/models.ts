import type { Command } from 'commander';
import type { ComparisonOptions, ModelEntry, ModelRegistry, ModelVersion } from '../..';
import { compareKeys } from '../../core/key-order';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { parseModel } from '../model-reference';
import { reading } from '../connect';
import { atLeastOne, withJson, withProject, type ReadingOptions } from '../options';
import { toPartitionId } from '../../core/partition-name';
import {
  otherRowsNote,
  renderComparison,
  renderEntries,
  renderModels,
  renderVersions,
} from '../render/models';
import { note, paint, print, printJson, widthOfTerminal } from '../terminal';

interface ModelsOptions extends ReadingOptions {
  warehouse?: string;
}

interface MetricOptions extends ModelsOptions {
  metric?: string;
  higherIsBetter?: boolean;
}

const ROWS_ON_SCREEN = 20;

export function define(command: Command): void {
  withExamples(command, ['models list']);
  const sub = (name: string, summary: string, example: string): Command =>
    withExamples(withPlace(command.command(name).summary(summary)), [`models ${name} ${example}`.trimEnd()]);

  sub('list', 'list models', '').action((options: ModelsOptions) =>
    withRegistry(options, async (registry) => {
      const models = await registry.models();
      if (options.json === true) return printJson({ models });
      print(renderModels(models, widthOfTerminal(), paint));
    }),
  );

  sub('show', "list a model's versions, or the partitions of one version", 'traffic@production')
    .argument('<model>', 'model, or MODEL@VERSION')
    .argument('[partition]', 'partition id')
    .option('--limit <n>', 'maximum number of partitions', atLeastOne, ROWS_ON_SCREEN)
    .action(show);

  sub(
    'compare',
    'compare a metric of two versions, partition by partition',
    'traffic production latest --metric mae',
  )
    .argument('<model>', 'model')
    .argument('<a>', 'version: a number or an alias')
    .argument('<b>', 'version')
    .requiredOption('--metric <name>', 'metric, such as mae')
    .option('--higher-is-better', 'higher values are better (accuracy, for example)')
    .action(compare);

  sub('promote', 'point an alias at a version', 'traffic@7 production')
    .argument('<version>', 'MODEL@VERSION')
    .argument('<alias>', 'alias, such as production')
    .option(
      '--where-better <metric>',
      'take only partitions whose metric is better than in the version the alias points at',
    )
    .option('--higher-is-better', 'higher values of the metric are better')
    .option('--dry-run', 'only show what would be promoted')
    .action(promote);

  sub('rollback', 'point an alias back at its previous version', 'traffic production')
    .argument('<model>', 'model')
    .argument('<alias>', 'alias')
    .action((model: string, alias: string, options: ModelsOptions) =>
      withRegistry(options, async (registry) => {
        const promotion = await registry.model(model).rollback(alias);
        if (options.json === true) return printJson(promotion);
        print(`${alias} of ${model} is version ${promotion.version} again (was ${promotion.before})`);
      }),
    );

  sub('tag', 'set tags and the description of a version', 'traffic@7 reviewed=yes')
    .argument('<version>', 'MODEL@VERSION')
    .argument('[tags...]', 'name=value; a name without a value removes the tag')
    .option('--description <text>', 'description of the version')
    .action(tag);

  sub('delete', 'delete a version', 'traffic@7 --yes')
    .argument('<version>', 'MODEL@VERSION')
    .option('--yes', 'confirm the deletion (required)', false)
    .action(deleteVersion);
}

function withPlace(command: Command): Command {
  return withJson(withProject(command)).option(
    '--warehouse <uri>',
    "the registry's warehouse (default: the project's)",
  );
}

async function withRegistry(
  options: ModelsOptions,
  use: (registry: ModelRegistry) => Promise<void>,
): Promise<void> {
  const { warehouse } = options;
  await reading(options, async (partwise) =>
    use(await partwise.registry(warehouse === undefined ? {} : { warehouse })),
  );
}

async function show(
  reference: string,
  partition: string | undefined,
  options: ModelsOptions & { limit: number },
): Promise<void> {
  const { name, version } = parseModel(reference);
  await withRegistry(options, async (registry) => {
    const model = registry.model(name);
    if (version === undefined && partition === undefined) {
      const versions = await model.versions();
      if (options.json === true) return printJson({ ...(await model.describe()), all: versions });
      return print(renderVersions(versions, widthOfTerminal(), paint));
    }
    const found = model.version(version ?? 'latest');
    const id = partition === undefined ? null : toPartitionId(partition);
    const entries = id === null ? await firstEntries(found, options.limit + 1) : await oneEntry(found, id);
    const described = await found.describe();
    if (options.json === true)
      return printJson({ ...described, partitions: entries.slice(0, options.limit) });
    print(renderVersions([described], widthOfTerminal(), paint));
    print(`\n${renderEntries(entries, options.limit, described.entries, widthOfTerminal(), paint)}`);
  });
}

async function firstEntries(version: ModelVersion, most: number): Promise<ModelEntry[]> {
  const entries: ModelEntry[] = [];
  for await (const entry of version.entries()) {
    entries.push(entry);
  }
  return entries.sort((a, b) => compareKeys(a.partition, b.partition)).slice(0, most);
}

async function oneEntry(version: ModelVersion, id: string): Promise<ModelEntry[]> {
  const entry = await version.entry(id);
  if (entry === null)
    throw new CannotDo(
      `This version has no model for the partition "${id}". partwise models show MODEL@VERSION lists the partitions that have one.`,
    );
  return [entry];
}

function comparisonOptions(metric: string, { higherIsBetter = false }: MetricOptions): ComparisonOptions {
  return { metric, higherIsBetter };
}

async function compare(model: string, a: string, b: string, options: MetricOptions): Promise<void> {
  await withRegistry(options, async (registry) => {
    const comparison = await registry.model(model).compare(a, b, comparisonOptions(options.metric!, options));
    comparison.partitions.sort((x, y) => compareKeys(x.partition, y.partition));
    if (options.json === true) return printJson(comparison);
    print(renderComparison(comparison, { a, b }, widthOfTerminal(), paint));
  });
}

async function promote(
  reference: string,
  alias: string,
  options: MetricOptions & { whereBetter?: string; dryRun?: boolean },
): Promise<void> {
  const { name, version = 'latest' } = parseModel(reference);
  const { whereBetter, dryRun = false } = options;
  await withRegistry(options, async (registry) => {
    const model = registry.model(name);
    const better = whereBetter === undefined ? {} : { whereBetter: comparisonOptions(whereBetter, options) };
    const promotion = dryRun
      ? await model.previewPromotion(version, alias, better)
      : await model.promote(version, alias, better);
    if (options.json === true) return printJson(promotion);
    const { taken, kept, before } = promotion;
    const now = promotion.version === null ? 'a new version' : `version ${promotion.version}`;
    const was = before === null ? 'new alias' : `was ${before}`;
    const counts = taken === null ? '' : `: ${taken} models taken, ${kept} kept`;
    print(`${alias} of ${name} ${dryRun ? 'would be' : 'is'} ${now} (${was})${counts}`);
    for (const line of otherRowsNote(promotion.otherRows ?? 0)) note(line);
  });
}

async function tag(
  reference: string,
  pairs: readonly string[],
  options: ModelsOptions & { description?: string },
): Promise<void> {
  const { name, version = 'latest' } = parseModel(reference);
  const { description } = options;
  if (pairs.length === 0 && description === undefined)
    throw new CannotDo('Nothing to set: give tags such as reviewed=yes, or --description.');
  const tags = Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, null] : [pair.slice(0, at), pair.slice(at + 1) || null];
    }),
  );
  await withRegistry(options, async (registry) => {
    const found = registry.model(name).version(version);
    await found.tag({ tags, ...(description !== undefined && { description }) });
    const described = await found.describe();
    if (options.json === true) return printJson(described);
    print(renderVersions([described], widthOfTerminal(), paint));
  });
}

async function deleteVersion(reference: string, options: ModelsOptions & { yes: boolean }): Promise<void> {
  const { name, version } = parseModel(reference);
  if (version === undefined)
    throw new CannotDo(
      `Name the version to delete: partwise models delete ${name}@VERSION. partwise models show ${name} lists the versions.`,
    );
  if (!options.yes)
    throw new CannotDo(
      `Nothing was deleted: add --yes to permanently delete version ${version} of "${name}".`,
    );
  await withRegistry(options, async (registry) => {
    const deleted = await registry.model(name).version(version).delete();
    if (options.json === true) return printJson({ model: name, deleted });
    note(
      `Deleted version ${deleted} of ${name}. partwise clean deletes the files that no version needs any more.`,
    );
  });
}
