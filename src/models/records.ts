/**
 * The warehouse's records of a model: rows of one small table, changed in one transaction. Pure: a change is
 * a function from the current rows to the new rows.
 */
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

/** Adds a version. `expected` is the newest version at the time it was built, or null if there was none. */
export function addVersion(
  model: string,
  records: readonly ModelRecord[],
  { identity, body, expected }: { identity: ModelBody; body: VersionBody; expected: number | null },
): { records: ModelRecord[]; version: number } {
  // Already added by an earlier attempt whose response was lost.
  const made = versionsOf(records).find((each) => each.body.root.path === body.root.path);
  if (made !== undefined) return { records: [...records], version: made.version };
  const other = identityProblem(model, ownerOf(records), identity);
  if (other !== null) throw new RegistryRefused(other);
  const versions = versionsOf(records);
  const newest = versions.at(-1)?.version ?? null;
  if (newest !== expected) {
    throw new RegistryConflict(
      `The model "${model}" got version ${newest} while this one was being built on ${expected === null ? 'none' : `version ${expected}`}.`,
    );
  }
  const hasBase = body.base === null || versions.some(({ version }) => version === body.base);
  // enforces I3: this version shares its blocks, and clean keeps only what versions name.
  if (!hasBase)
    throw new RegistryRefused(
      `Version ${body.base} of "${model}", which this one is based on, was removed meanwhile.`,
    );
  return withVersion(records, identity, body);
}

/** Adds a version with a number that was never used before. */
export function withVersion(
  records: readonly ModelRecord[],
  identity: ModelBody,
  body: VersionBody,
): { records: ModelRecord[]; version: number } {
  // The id and the version numbers continue, even if the name was free.
  const known = modelBody(records);
  const owner = ownerOf(records) === null ? { id: known?.id ?? identity.id } : known;
  const version = (known?.lastVersion ?? 0) + 1;
  return {
    version,
    records: [
      ...records.filter(({ kind }) => kind !== 'model'),
      { kind: 'model', name: '', number: 0, body: { ...identity, ...owner, lastVersion: version } },
      { kind: 'version', name: '', number: version, body },
    ],
  };
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

const ALIAS = /^[A-Za-z][A-Za-z0-9_-]{0,79}$/;

/**
 * Points an alias at a version. `expected` is the version that the caller saw it point at, or null if it did
 * not exist. Repeating a move after a lost response changes nothing.
 */
export function moveAlias(
  model: string,
  records: readonly ModelRecord[],
  { alias, version, expected, how, at }: MoveAlias,
): ModelRecord[] {
  if (!ALIAS.test(alias) || alias === 'latest') {
    throw new RegistryRefused(
      `"${alias}" is not a valid alias: use letters, digits, "_" and "-", starting with a letter, but not "latest", which is always the newest version.`,
    );
  }
  const last = stepsOf(records, alias).at(-1);
  if (last !== undefined && last.body.version === version && last.body.at === at && last.body.how === how)
    return [...records];
  const now = last?.body.version ?? null;
  if (now !== expected) {
    throw new RegistryConflict(
      `"${alias}" of "${model}" was concurrently moved from ${expected === null ? 'no version' : `version ${expected}`} to ` +
        `${now === null ? 'no version' : `version ${now}`}. Check it (partwise models show ${model}) and try again.`,
    );
  }
  resolveVersion(model, records, version);
  const number = (last?.number ?? 0) + 1;
  return [...records, { kind: 'alias', name: alias, number, body: { version, at, how } }];
}

export interface MoveAlias {
  alias: string;
  version: number;
  expected: number | null;
  how: AliasBody['how'];
  at: string;
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
      ? `The model "${model}" has no alias "${alias}". Create it first: partwise models promote ${model}@VERSION ${alias}.`
      : before === undefined
        ? `"${alias}" of "${model}" has no earlier version to roll back to.`
        : `"${alias}" of "${model}" was previously version ${before}, which was removed.`,
  );
}

/** Limits that keep tables readable. */
const MAX_TAGS = 50;
const MAX_VALUE = 200;
const MAX_DESCRIPTION = 1_000;
const TAG = /^[A-Za-z][A-Za-z0-9_.-]{0,79}$/;

/** The problem with a version's description or tags, or null if there is none. */
function annotationProblem(description: string, tags: Record<string, string>): string | null {
  if (description.length > MAX_DESCRIPTION)
    return `The description has ${description.length} characters; at most ${MAX_DESCRIPTION} are allowed.`;
  const bad = Object.keys(tags).find((name) => !TAG.test(name));
  if (bad !== undefined)
    return `"${bad}" is not a valid tag name: use letters, digits, "_", "." and "-", starting with a letter, at most 80 characters.`;
  const long = Object.keys(tags).find((name) => tags[name]!.length > MAX_VALUE);
  if (long !== undefined)
    return `The tag "${long}" has ${tags[long]!.length} characters; at most ${MAX_VALUE} are allowed.`;
  const count = Object.keys(tags).length;
  return count > MAX_TAGS
    ? `A version can have at most ${MAX_TAGS} tags, and this one would have ${count}.`
    : null;
}

/**
 * Changes the description and tags of a version; a tag with the value null is removed. Throws
 * `RegistryRefused`.
 */
export function describeVersion(
  records: readonly ModelRecord[],
  version: number,
  { description, tags = {} }: { description?: string; tags?: Record<string, string | null> },
): ModelRecord[] {
  return records.map((record) => {
    if (record.kind !== 'version' || record.number !== version) return record;
    const all = Object.entries({ ...record.body.tags, ...tags }).filter(([, value]) => value !== null);
    const body = {
      ...record.body,
      ...(description !== undefined && { description }),
      tags: Object.fromEntries(all) as Record<string, string>,
    };
    const problem = annotationProblem(body.description, body.tags);
    if (problem !== null) throw new RegistryRefused(problem);
    return { ...record, body };
  });
}

/** Removes a version. Throws `RegistryRefused` while an alias points at it, unless it is the only version. */
export function removeVersion(
  model: string,
  records: readonly ModelRecord[],
  version: number,
): ModelRecord[] {
  const aliases = [...aliasesOf(records)].flatMap(([name, at]) => (at === version ? [name] : []));
  const left = records.filter((record) => !(record.kind === 'version' && record.number === version));
  if (aliases.length > 0 && versionsOf(left).length > 0) {
    throw new RegistryRefused(
      `Version ${version} of "${model}" is ${aliases.map((name) => `"${name}"`).join(', ')}: move ${aliases.length === 1 ? 'it' : 'them'} to another version before removing it.`,
    );
  }
  // Removing the last version also removes the aliases' history and frees the name; what remains records the
  // numbers used.
  return versionsOf(left).length === 0 ? left.filter(({ kind }) => kind === 'model') : left;
}

/** The rows to remove from and to add to the table. */
export function recordChanges(
  before: readonly ModelRecord[],
  after: readonly ModelRecord[],
): { removed: ModelRecord[]; added: ModelRecord[] } {
  const text = (record: ModelRecord): string => JSON.stringify(record);
  const old = new Set(before.map(text));
  const fresh = new Set(after.map(text));
  return {
    removed: before.filter((record) => !fresh.has(text(record))),
    added: after.filter((record) => !old.has(text(record))),
  };
}
