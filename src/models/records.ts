/**
 * What the warehouse keeps of a model: rows of one small table. Pure; `record-changes` has what changes them.
 */
import { shellWord } from '../core/shell-word';
import type { FileRef } from '../core/files';
import type { Column } from '../core/plan';
import { didYouMean } from '../core/nearest';

/** A row: `(kind, name, number)` is its key within the model. */
export type ModelRecord =
  | { kind: 'model'; name: ''; number: 0; body: KnownModel }
  | { kind: 'version'; name: ''; number: number; body: VersionBody }
  /** A step in an alias's history; the highest number is where it points now. */
  | { kind: 'alias'; name: string; number: number; body: AliasBody };

/** What distinguishes a model from others with the same name. */
export interface ModelIdentity {
  /** Name of the definition: `definePartitionModel({ name })`. */
  definition: string;
  keyColumns: Column[];
}

export interface ModelBody extends ModelIdentity {
  /** Distinguishes the model from others with the same name, in other registries or earlier. */
  id: string;
  createdAt: string;
}

/** As stored. */
interface KnownModel extends ModelBody {
  /** The highest version number used so far: numbers are never reused, even after a version is removed. */
  lastVersion: number;
}

export interface VersionBody {
  /** Stage with its manifest and models, in the form that `portableUri` writes. */
  stage: string;
  root: FileRef;
  /** Partitions with a model. */
  entries: number;
  /** How many of them are new in this version. */
  changed: number;
  /** Version that the others come from. Null if there was none. */
  base: number | null;
  /** The execution of the run that created it. Null if a promotion created it. */
  run: { id: string; workflowRunId: string; lineage: string; execution: number } | null;
  description: string;
  tags: Record<string, string>;
  createdAt: string;
}

export interface AliasBody {
  version: number;
  at: string;
  how: 'promote' | 'rollback';
}

/** The registry refused a request, and has changed nothing. */
export class RegistryRefused extends Error {
  override name = 'RegistryRefused';
  readonly nonRetryable = true;
}

/** The model was changed concurrently; that change stands. */
export class RegistryConflict extends Error {
  override name = 'RegistryConflict';
}

export function modelBody(records: readonly ModelRecord[]): KnownModel | null {
  for (const record of records) if (record.kind === 'model') return record.body;
  return null;
}

/** The model that owns the name. Null if the name is free, including when all versions were removed. */
export function ownerOf(records: readonly ModelRecord[]): ModelIdentity | null {
  return versionsOf(records).length === 0 ? null : modelBody(records);
}

/** A version and its number. */
export interface Version {
  version: number;
  body: VersionBody;
}

/** By number, oldest first. */
export function versionsOf(records: readonly ModelRecord[]): Version[] {
  return records
    .flatMap((record) => (record.kind === 'version' ? [{ version: record.number, body: record.body }] : []))
    .sort((a, b) => a.version - b.version);
}

/** Steps of an alias, oldest first. */
export function stepsOf(
  records: readonly ModelRecord[],
  alias: string,
): { number: number; body: AliasBody }[] {
  return records
    .flatMap((record) => (record.kind === 'alias' && record.name === alias ? [record] : []))
    .sort((a, b) => a.number - b.number);
}

/** Where each alias points. */
export function aliasesOf(records: readonly ModelRecord[]): Map<string, number> {
  const names = new Set(records.flatMap((record) => (record.kind === 'alias' ? [record.name] : [])));
  const found = new Map<string, number>();
  for (const name of [...names].sort()) found.set(name, stepsOf(records, name).at(-1)!.body.version);
  return found;
}

/** Resolves a number, an alias or `latest` to a version. Throws `RegistryRefused`. */
export function resolveVersion(
  model: string,
  records: readonly ModelRecord[],
  ref: number | string | undefined,
): Version {
  const versions = versionsOf(records);
  if (versions.length === 0) {
    throw new RegistryRefused(
      `There is no model "${model}" in the registry: train one (partwise train). partwise models list shows all models.`,
    );
  }
  if (ref === undefined || ref === 'latest') return versions.at(-1)!;
  const aliases = aliasesOf(records);
  const number = /^\d+$/.test(String(ref)) ? Number(ref) : aliases.get(String(ref));
  const found = versions.find(({ version }) => version === number);
  if (found !== undefined) return found;
  const names = ['latest', ...aliases.keys()];
  throw new RegistryRefused(
    `The model "${model}" has no version "${ref}".${didYouMean(String(ref), names)} ` +
      `It has the versions ${versions.map(({ version }) => version).join(', ')} and the aliases ${names.join(', ')}.`,
  );
}

/** Why a run's models do not belong to this model, or null if they do. */
export function identityProblem(
  model: string,
  known: ModelIdentity | null,
  own: ModelIdentity,
): string | null {
  if (known === null) return null;
  // Types are not compared: a column with a wider type has the same partition ids.
  const keys = ({ keyColumns }: ModelIdentity): string =>
    keyColumns.map(({ name }) => name.toLowerCase()).join(', ');
  if (known.definition === own.definition && keys(known) === keys(own)) return null;
  return (
    `The registered model "${model}" is defined by "${known.definition}" for each ${keys(known)}, but this one by "${own.definition}" ` +
    `for each ${keys(own)}. Register this one under another name (--as, "output.model").`
  );
}

/**
 * The version that an alias pointed at before its last promotion; each rollback goes back one more promotion.
 * Throws `RegistryRefused`.
 */
export function beforeAlias(model: string, records: readonly ModelRecord[], alias: string): number {
  const stack: number[] = [];
  for (const { body } of stepsOf(records, alias)) {
    if (body.how === 'promote') stack.push(body.version);
    else stack.pop();
  }
  const before = stack.at(-2);
  if (before !== undefined && versionsOf(records).some(({ version }) => version === before)) return before;
  throw new RegistryRefused(
    stack.length === 0
      ? `The model "${model}" has no alias "${alias}". Create it first: partwise models promote ${shellWord(model)}@VERSION ${shellWord(alias)}.`
      : before === undefined
        ? `"${alias}" of "${model}" has no earlier version to roll back to.`
        : `"${alias}" of "${model}" was previously version ${before}, which was deleted. Promote another version instead.`,
  );
}
