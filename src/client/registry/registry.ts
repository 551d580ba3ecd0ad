/** The registry as programs see it: models, their versions, and aliases that move. */
import { compareEntries, type Comparison, type ComparisonOptions } from '../../models/compare';
import { entriesOf, putManifest, readManifest, withRoot } from '../../models/manifest';
import { moveAlias, withVersion } from '../../models/record-changes';
import {
  aliasesOf,
  beforeAlias,
  modelBody,
  RegistryRefused,
  resolveVersion,
  stepsOf,
  versionsOf,
  type AliasBody,
  type ModelRecord,
  type VersionBody,
} from '../../models/records';
import type { ModelEntry } from '../../models/types';
import { ModelVersion, versionView } from './model-version';
import { stageOf, type RegistryPlace } from './place';
import type { AliasStep, ModelListing, PromoteOptions, Promotion, VersionRef, VersionView } from './types';

/**
 * The models of a project: `partwise.registry`.
 *
 * ```ts
 * const registry = await partwise.registry();
 * const traffic = registry.model('traffic');
 * await traffic.promote('latest', 'production', { whereBetter: { metric: 'mae' } });
 * const run = await traffic.version('production').predict({
 *   source: { table: 'flights' }, partitionBy: ['dest'], output: { table: 'forecast' },
 * });
 * ```
 */
export class ModelRegistry {
  /** @internal */
  constructor(private readonly place: RegistryPlace) {}

  /** All models, by name. */
  async models(): Promise<ModelListing[]> {
    const byModel = new Map<string, ModelRecord[]>();
    for (const record of await this.place.warehouse.readModels(null))
      byModel.set(record.model, [...(byModel.get(record.model) ?? []), record]);
    return [...byModel].flatMap(([name, records]) =>
      versionsOf(records).length === 0 ? [] : [listing(name, records)],
    );
  }

  /** A model by its name; its methods throw `RegistryRefused` where there is none. */
  model(name: string): RegisteredModel {
    return new RegisteredModel(this.place, name);
  }
}

/** One model of the registry. */
export class RegisteredModel {
  /** @internal */
  constructor(
    private readonly place: RegistryPlace,
    readonly name: string,
  ) {}

  async describe(): Promise<ModelListing> {
    return listing(this.name, await this.#known());
  }

  /** Oldest first. */
  async versions(): Promise<VersionView[]> {
    const records = await this.#known();
    return versionsOf(records).map(({ version, body }) => versionView(this.name, records, version, body));
  }

  /** Steps of an alias, oldest first. */
  async history(alias: string): Promise<AliasStep[]> {
    return stepsOf(await this.#known(), alias).map(({ body }) => body);
  }

  /** A version; looked up with every call, so an alias is where it points then. */
  version(ref: VersionRef): ModelVersion {
    return new ModelVersion(this.place, this.name, ref);
  }

  /**
   * Points an alias at a version, in one step. Throws `RegistryConflict` when somebody else moved the alias
   * or changed the model since it was looked at; nothing is moved then.
   */
  async promote(ref: VersionRef, alias: string, { whereBetter }: PromoteOptions = {}): Promise<Promotion> {
    const records = await this.#known();
    const { version, body } = resolveVersion(this.name, records, ref);
    const before = aliasesOf(records).get(alias) ?? null;
    if (before === version) return { alias, version, before, taken: null, kept: null, otherRows: null };
    if (whereBetter === undefined || before === null) {
      await this.#move({ alias, version, expected: before, how: 'promote' });
      return { alias, version, before, taken: null, kept: null, otherRows: null };
    }
    return this.#promoteWhereBetter(alias, before, { version, body }, whereBetter, records);
  }

  /**
   * Points an alias at where it was before it was last promoted. Throws `RegistryRefused` when it was
   * nowhere.
   */
  async rollback(alias: string): Promise<Promotion> {
    const records = await this.#known();
    const version = beforeAlias(this.name, records, alias);
    const before = aliasesOf(records).get(alias) ?? null;
    await this.#move({ alias, version, expected: before, how: 'rollback' });
    return { alias, version, before, taken: null, kept: null, otherRows: null };
  }

  /** A metric of two versions, partition by partition. */
  async compare(a: VersionRef, b: VersionRef, options: ComparisonOptions): Promise<Comparison> {
    const records = await this.#known();
    const [first, second] = [a, b].map((ref) => resolveVersion(this.name, records, ref));
    return compareEntries(await this.#entries(first!.body), await this.#entries(second!.body), options);
  }

  /**
   * The champion's entries, with those of the challenger that are better: a version of its own, and the alias
   * on it.
   */
  async #promoteWhereBetter(
    alias: string,
    champion: number,
    challenger: { version: number; body: VersionBody },
    options: ComparisonOptions,
    records: readonly ModelRecord[],
  ): Promise<Promotion> {
    const base = resolveVersion(this.name, records, champion);
    if (base.body.stage !== challenger.body.stage)
      throw new RegistryRefused(
        `Versions ${champion} and ${challenger.version} of "${this.name}" are on two stages.`,
      );
    const challengers = await this.#entries(challenger.body);
    const { partitions, otherRows } = compareEntries(await this.#entries(base.body), challengers, options);
    const better = new Set(
      partitions.flatMap(({ partition, better: which }) => (which === 'b' ? [partition] : [])),
    );
    const kept =
      base.body.entries +
      partitions.filter(({ a, better: which }) => a === null && which === 'b').length -
      better.size;
    const counts = { before: champion, taken: better.size, kept, otherRows };
    if (better.size === 0) return { alias, version: champion, ...counts };
    const stage = stageOf(this.place, base.body);
    const { root, manifest } = await putManifest(stage, {
      model: this.name,
      id: modelBody(records)!.id,
      base: await readManifest(stage, base.body.root),
      changed: challengers.filter(({ partition }) => better.has(partition)),
    });
    const at = new Date().toISOString();
    const body: VersionBody = {
      stage: base.body.stage,
      root,
      entries: manifest.entries,
      changed: better.size,
      base: champion,
      run: null,
      description: `version ${champion}, with those of version ${challenger.version} whose ${options.metric} is better`,
      tags: {},
      createdAt: at,
    };
    const version = await withRoot(stage, root, () =>
      this.place.warehouse.changeModels(this.name, (now) => {
        // Made already, and the answer was lost.
        const made = versionsOf(now).find((each) => each.body.root.path === root.path);
        if (made !== undefined) return { records: now, result: made.version };
        // Both must still be there: their blocks are this version's.
        resolveVersion(this.name, now, champion);
        resolveVersion(this.name, now, challenger.version);
        const added = withVersion(now, modelBody(now)!, body);
        const move = { alias, version: added.version, expected: champion, how: 'promote' as const, at };
        return { records: moveAlias(this.name, added.records, move), result: added.version };
      }),
    );
    return { alias, version, ...counts };
  }

  async #move(step: {
    alias: string;
    version: number;
    expected: number | null;
    how: AliasBody['how'];
  }): Promise<void> {
    const at = new Date().toISOString();
    await this.place.warehouse.changeModels(this.name, (now) => ({
      records: moveAlias(this.name, now, { ...step, at }),
      result: undefined,
    }));
  }

  async #entries(body: VersionBody): Promise<ModelEntry[]> {
    const entries: ModelEntry[] = [];
    for await (const entry of entriesOf(stageOf(this.place, body), body.root)) entries.push(entry);
    return entries;
  }

  /** Throws where there is no such model. */
  async #known(): Promise<ModelRecord[]> {
    const records = await this.place.warehouse.readModels(this.name);
    resolveVersion(this.name, records, undefined);
    return records;
  }
}

function listing(name: string, records: readonly ModelRecord[]): ModelListing {
  const { definition, keyColumns } = modelBody(records)!;
  const versions = versionsOf(records);
  return {
    name,
    definition,
    keyColumns: keyColumns.map((column) => column.name),
    versions: versions.length,
    latest: versions.at(-1)!.version,
    aliases: Object.fromEntries(aliasesOf(records)),
  };
}
