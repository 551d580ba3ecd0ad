/** The public API of the registry: models, their versions, and aliases. */
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
import type {
  AliasStep,
  ModelListing,
  PromoteOptions,
  Promotion,
  PromotionPreview,
  VersionRef,
  VersionView,
} from './types';

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

  /** A model by its name. If it does not exist, its methods throw `RegistryRefused`. */
  model(name: string): RegisteredModel {
    return new RegisteredModel(this.place, name);
  }
}

/** One registered model. */
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

  /** A version. It is looked up on every call, so an alias means the version it points at by then. */
  version(ref: VersionRef): ModelVersion {
    return new ModelVersion(this.place, this.name, ref);
  }

  /**
   * Atomically points an alias at a version. Throws `RegistryConflict`, without moving the alias, if the
   * alias was moved or the model changed since it was read.
   */
  async promote(ref: VersionRef, alias: string, { whereBetter }: PromoteOptions = {}): Promise<Promotion> {
    const records = await this.#known();
    const { version, body } = resolveVersion(this.name, records, ref);
    const before = aliasesOf(records).get(alias) ?? null;
    const whole = { alias, version, before, taken: null, kept: null, otherRows: null };
    if (before === version) return whole;
    if (whereBetter === undefined || before === null) {
      await this.#move({ alias, version, expected: before, how: 'promote' });
      return whole;
    }
    const choice = await this.#chooseBetter(before, { version, body }, whereBetter, records);
    const { taken, kept, otherRows } = choice;
    const counts = { before, taken, kept, otherRows };
    if (taken === 0) return { alias, version: before, ...counts };
    const made = await this.#promoteChosen(alias, choice, { version, metric: whereBetter.metric }, records);
    return { alias, version: made, ...counts };
  }

  /** What `promote` would do now, with the same refusals; changes nothing. */
  async previewPromotion(
    ref: VersionRef,
    alias: string,
    { whereBetter }: PromoteOptions = {},
  ): Promise<PromotionPreview> {
    const records = await this.#known();
    const { version, body } = resolveVersion(this.name, records, ref);
    const before = aliasesOf(records).get(alias) ?? null;
    if (before === version || whereBetter === undefined || before === null)
      return { alias, version, before, taken: null, kept: null, otherRows: null };
    const { taken, kept, otherRows } = await this.#chooseBetter(
      before,
      { version, body },
      whereBetter,
      records,
    );
    return { alias, version: taken === 0 ? before : null, before, taken, kept, otherRows };
  }

  /**
   * Points an alias at the version it had before its last promotion. Throws `RegistryRefused` if there is
   * none.
   */
  async rollback(alias: string): Promise<Promotion> {
    const records = await this.#known();
    const version = beforeAlias(this.name, records, alias);
    const before = aliasesOf(records).get(alias) ?? null;
    await this.#move({ alias, version, expected: before, how: 'rollback' });
    return { alias, version, before, taken: null, kept: null, otherRows: null };
  }

  /** Compares a metric of two versions, partition by partition. */
  async compare(a: VersionRef, b: VersionRef, options: ComparisonOptions): Promise<Comparison> {
    const records = await this.#known();
    const [first, second] = [a, b].map((ref) => resolveVersion(this.name, records, ref));
    return compareEntries(await this.#entries(first!.body), await this.#entries(second!.body), options);
  }

  /** The challenger's entries that are better than the champion's. */
  async #chooseBetter(
    champion: number,
    challenger: { version: number; body: VersionBody },
    options: ComparisonOptions,
    records: readonly ModelRecord[],
  ): Promise<Choice> {
    const base = resolveVersion(this.name, records, champion);
    if (base.body.stage !== challenger.body.stage)
      throw new RegistryRefused(
        `Versions ${champion} and ${challenger.version} of "${this.name}" are on different stages, so their models cannot be combined: promote the whole version (without --where-better).`,
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
    const changed = challengers.filter(({ partition }) => better.has(partition));
    return { champion, base: base.body, changed, taken: better.size, kept, otherRows };
  }

  /** Creates a version from the champion's entries and the chosen ones, and points the alias at it. */
  async #promoteChosen(
    alias: string,
    { champion, base, changed }: Choice,
    challenger: { version: number; metric: string },
    records: readonly ModelRecord[],
  ): Promise<number> {
    const stage = stageOf(this.place, base);
    const { root, manifest } = await putManifest(stage, {
      model: this.name,
      id: modelBody(records)!.id,
      base: await readManifest(stage, base.root),
      changed,
    });
    const at = new Date().toISOString();
    const body: VersionBody = {
      stage: base.stage,
      root,
      entries: manifest.entries,
      changed: changed.length,
      base: champion,
      run: null,
      description: `version ${champion}, with the models of version ${challenger.version} whose ${challenger.metric} is better`,
      tags: {},
      createdAt: at,
    };
    return withRoot(stage, root, () =>
      this.place.warehouse.changeModels(this.name, (now) => {
        // Already created by an earlier attempt whose response was lost.
        const made = versionsOf(now).find((each) => each.body.root.path === root.path);
        if (made !== undefined) return { records: now, result: made.version };
        // Both must still exist: this version uses their blocks.
        resolveVersion(this.name, now, champion);
        resolveVersion(this.name, now, challenger.version);
        const added = withVersion(now, modelBody(now)!, body);
        const move = { alias, version: added.version, expected: champion, how: 'promote' as const, at };
        return { records: moveAlias(this.name, added.records, move), result: added.version };
      }),
    );
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

  /** Throws if the model does not exist. */
  async #known(): Promise<ModelRecord[]> {
    const records = await this.place.warehouse.readModels(this.name);
    resolveVersion(this.name, records, undefined);
    return records;
  }
}

/** What a promotion where better takes from the challenger. */
interface Choice {
  champion: number;
  /** Body of the champion. */
  base: VersionBody;
  /** The challenger's entries that are better. */
  changed: ModelEntry[];
  taken: number;
  kept: number;
  otherRows: number;
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
