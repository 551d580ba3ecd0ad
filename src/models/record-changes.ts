/**
 * Changes of a model's records. Pure: each is a function from the records before to the records after, which
 * a warehouse applies in one transaction.
 */
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

/** A new version. `expected`: the newest one that it was made on; null: there was none. */
export function addVersion(
  model: string,
  records: readonly ModelRecord[],
  { identity, body, expected }: { identity: ModelBody; body: VersionBody; expected: number | null },
): { records: ModelRecord[]; version: number } {
  // Made already, and the answer was lost.
  const made = versionsOf(records).find((each) => each.body.root.path === body.root.path);
  if (made !== undefined) return { records: [...records], version: made.version };
  const other = identityProblem(model, ownerOf(records), identity);
  if (other !== null) throw new RegistryRefused(other);
  const versions = versionsOf(records);
  const newest = versions.at(-1)?.version ?? null;
  if (newest !== expected) {
    throw new RegistryConflict(
      `The model "${model}" got version ${newest} while this one was made on ${expected === null ? 'none' : `version ${expected}`}.`,
    );
  }
  const hasBase = body.base === null || versions.some(({ version }) => version === body.base);
  // enforces I3: its blocks are this version's too, and clean keeps only what versions name.
  if (!hasBase)
    throw new RegistryRefused(
      `Version ${body.base} of "${model}", which this one was made on, was removed meanwhile.`,
    );
  return withVersion(records, identity, body);
}

/** With one more version, whose number none has had. */
export function withVersion(
  records: readonly ModelRecord[],
  identity: ModelBody,
  body: VersionBody,
): { records: ModelRecord[]; version: number } {
  // The id and the numbers go on, also where the name was free for another.
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
 * Points an alias at a version. `expected`: where the caller saw it point; null: nowhere. A move that was
 * made already, of which the answer was lost, changes nothing.
 */
export function moveAlias(
  model: string,
  records: readonly ModelRecord[],
  { alias, version, expected, how, at }: MoveAlias,
): ModelRecord[] {
  if (!ALIAS.test(alias) || alias === 'latest') {
    throw new RegistryRefused(
      `"${alias}" is no name for an alias: use letters, digits, "_" and "-", beginning with a letter, but not "latest", which is always the newest version.`,
    );
  }
  const last = stepsOf(records, alias).at(-1);
  if (last !== undefined && last.body.version === version && last.body.at === at && last.body.how === how)
    return [...records];
  const now = last?.body.version ?? null;
  if (now !== expected) {
    throw new RegistryConflict(
      `"${alias}" of "${model}" was moved to ${now === null ? 'no version' : `version ${now}`} meanwhile, and was at ` +
        `${expected === null ? 'none' : `version ${expected}`} before. Look at it (partwise models show ${model}) and try again.`,
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

/** What a person can take in; it is shown in tables. */
const MAX_TAGS = 50;
const MAX_VALUE = 200;
const MAX_DESCRIPTION = 1_000;
const TAG = /^[A-Za-z][A-Za-z0-9_.-]{0,79}$/;

/** What is wrong with words about a version; null: nothing. */
function wordsProblem(description: string, tags: Record<string, string>): string | null {
  if (description.length > MAX_DESCRIPTION)
    return `The description has ${description.length} characters, and ${MAX_DESCRIPTION} are allowed.`;
  const bad = Object.keys(tags).find((name) => !TAG.test(name));
  if (bad !== undefined)
    return `"${bad}" is no name for a tag: use letters, digits, "_", "." and "-", beginning with a letter, at most 80.`;
  const long = Object.keys(tags).find((name) => tags[name]!.length > MAX_VALUE);
  if (long !== undefined)
    return `The tag "${long}" has ${tags[long]!.length} characters, and ${MAX_VALUE} are allowed.`;
  const count = Object.keys(tags).length;
  return count > MAX_TAGS
    ? `A version has at most ${MAX_TAGS} tags, and this one would have ${count}.`
    : null;
}

/** Changes what people say about a version; a tag whose value is null goes. Throws `RegistryRefused`. */
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
    const problem = wordsProblem(body.description, body.tags);
    if (problem !== null) throw new RegistryRefused(problem);
    return { ...record, body };
  });
}

/** Without a version. Throws `RegistryRefused` while an alias points at it and could point at another. */
export function removeVersion(
  model: string,
  records: readonly ModelRecord[],
  version: number,
): ModelRecord[] {
  const aliases = [...aliasesOf(records)].flatMap(([name, at]) => (at === version ? [name] : []));
  const left = records.filter((record) => !(record.kind === 'version' && record.number === version));
  if (aliases.length > 0 && versionsOf(left).length > 0) {
    throw new RegistryRefused(
      `Version ${version} of "${model}" is ${aliases.map((name) => `"${name}"`).join(', ')}: move ${aliases.length === 1 ? 'it' : 'them'} to another version before it is removed.`,
    );
  }
  // The last version takes the aliases' history with it, and the name is free; what remains says which
  // numbers were given.
  return versionsOf(left).length === 0 ? left.filter(({ kind }) => kind === 'model') : left;
}

/** What differs, for a table that keeps the rest. */
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
