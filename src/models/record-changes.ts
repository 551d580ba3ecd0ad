/**
 * Changes of a model's records. Pure: each is a function from the records before to the records after, which
 * a warehouse applies in one transaction.
 */
import { shellWord } from '../core/shell-word';
import {
  aliasesOf,
  identityProblem,
  modelBody,
  ownerOf,
  RegistryConflict,
  RegistryRefused,
  resolveVersion,
  stepsOf,
  versionsOf,
  type AliasBody,
  type ModelBody,
  type ModelRecord,
  type VersionBody,
} from './records';

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
      `The model "${model}" got version ${newest} while a new version was being built on ${expected === null ? 'none' : `version ${expected}`}.`,
    );
  }
  const hasBase = body.base === null || versions.some(({ version }) => version === body.base);
  // enforces I3: this version shares its blocks, and clean keeps only what versions name.
  if (!hasBase)
    throw new RegistryRefused(
      `Version ${body.base} of "${model}", which this one is based on, was deleted in the meantime. Try again.`,
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
        `${now === null ? 'no version' : `version ${now}`}. Check it (partwise models show ${shellWord(model)}) and try again.`,
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
      `Version ${version} of "${model}" has the ${aliases.length === 1 ? 'alias' : 'aliases'} ${aliases.map((name) => `"${name}"`).join(', ')}: point ${aliases.length === 1 ? 'it' : 'them'} at another version before you delete this one.`,
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
