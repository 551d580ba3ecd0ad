/** One version of a model of the registry. */
import type { ModelInput, RunInput } from '../../core/input';
import type { ModelSerde } from '../../functions/model-hooks';
import { entriesOf, findEntry } from '../../models/manifest';
import { describeVersion, removeVersion } from '../../models/record-changes';
import {
  aliasesOf,
  modelBody,
  RegistryRefused,
  resolveVersion,
  type ModelRecord,
  type VersionBody,
} from '../../models/records';
import type { ModelEntry } from '../../models/types';
import type { RunHandle } from '../../reader/run-handle';
import { stageOf, type RegistryPlace } from './place';
import type { VersionRef, VersionView } from './types';

/** One version of a model. */
export class ModelVersion {
  /** @internal */
  constructor(
    private readonly place: RegistryPlace,
    private readonly model: string,
    private readonly ref: VersionRef,
  ) {}

  async describe(): Promise<VersionView> {
    const records = await this.place.warehouse.readModels(this.model);
    const { version, body } = resolveVersion(this.model, records, this.ref);
    return versionView(this.model, records, version, body);
  }

  /**
   * All entries, sorted by partition id. With `after`, those after this partition id, without reading the
   * blocks before it.
   */
  async *entries(options: { after?: string } = {}): AsyncGenerator<ModelEntry> {
    const { body } = await this.#find();
    yield* entriesOf(stageOf(this.place, body), body.root, options);
  }

  /** One partition's entry, or null if it has no model. Reads only the block that contains the entry. */
  async entry(partition: string): Promise<ModelEntry | null> {
    const { body } = await this.#find();
    return findEntry(stageOf(this.place, body), body.root, partition);
  }

  /**
   * One partition's model: its verified bytes, or the value that the serde reads from them. Throws
   * `RegistryRefused` if the partition has no model.
   */
  async load<Model = Uint8Array>(partition: string, serde?: ModelSerde<Model>): Promise<Model> {
    const { body, version } = await this.#find();
    const stage = stageOf(this.place, body);
    const entry = await findEntry(stage, body.root, partition);
    if (entry === null)
      throw new RegistryRefused(
        `Version ${version} of "${this.model}" has no model for the partition "${partition}".`,
      );
    const bytes = await stage.read(entry);
    return serde === undefined ? (bytes as Model) : serde.read(bytes);
  }

  /**
   * Starts a run that predicts with this version. An alias is resolved now; the run is unaffected if it moves
   * later.
   */
  async predict(
    input: Omit<RunInput, 'function' | 'model'> & { model?: Omit<ModelInput, 'name' | 'version' | 'run'> },
    options: { runId?: string } = {},
  ): Promise<RunHandle> {
    const records = await this.place.warehouse.readModels(this.model);
    const { version } = resolveVersion(this.model, records, this.ref);
    const { definition } = modelBody(records)!;
    const model = { ...input.model, name: this.model, version };
    return this.place.start({ ...input, function: `${definition}.predict`, model }, options);
  }

  /** Sets tags (null removes one) and the description. */
  async tag(changes: { description?: string; tags?: Record<string, string | null> }): Promise<void> {
    const { version } = await this.#find();
    await this.place.warehouse.changeModels(this.model, (now) => {
      resolveVersion(this.model, now, version);
      return { records: describeVersion(now, version, changes), result: undefined };
    });
  }

  /**
   * Deletes the version. Its models stay on the stage until `clean` removes those that no other version and
   * no run that predicts with them needs. Throws `RegistryRefused` while an alias points at it, unless it is
   * the only version left.
   */
  async delete(): Promise<number> {
    const { version, body } = await this.#find();
    await this.place.warehouse.changeModels(this.model, (now) => ({
      // By number: after a lost response, a repeated `latest` would mean another version.
      records: removeVersion(this.model, now, version),
      result: undefined,
    }));
    // Nothing names its root any more, and the root alone makes clean keep its files.
    await stageOf(this.place, body).remove(body.root.path);
    return version;
  }

  async #find(): Promise<{ version: number; body: VersionBody }> {
    return resolveVersion(this.model, await this.place.warehouse.readModels(this.model), this.ref);
  }
}

export function versionView(
  model: string,
  records: readonly ModelRecord[],
  version: number,
  { entries, changed, base, run, description, tags, createdAt }: VersionBody,
): VersionView {
  const aliases = [...aliasesOf(records)].flatMap(([name, at]) => (at === version ? [name] : []));
  return {
    model,
    version,
    aliases,
    entries,
    changed,
    base,
    run: run?.id ?? null,
    description,
    tags,
    createdAt,
  };
}
