import { requirePackages } from '../files/optional-packages';
import type { StageKind } from './kind';
import { STAGE_KINDS } from './kinds';
import { KeyUnavailable, type PayloadKeys } from '../trust/payload-keys';
import type { Stage } from './stage';

export { isStoredSize } from './checked';
export { asUnavailable } from './unavailable';
export {
  ObjectChanged,
  ObjectDamaged,
  ObjectExists,
  ObjectMissing,
  StageUnavailable,
  type ListedObject,
  type Stage,
} from './stage';

/** Examples of stages, to complete "it takes …". */
export const STAGE_EXAMPLES = STAGE_KINDS.map(({ example }, i) =>
  i === STAGE_KINDS.length - 1 ? `or ${example}` : example,
).join(', ');

/** Before any other kind of stage: its objects are encrypted with the keys of `temporal.encryption`. */
export const ENCRYPTED = 'encrypted:';

/** Open stages that cache what is read repeatedly, by URI. */
const opened = new Map<string, Stage>();

/** The keys of each project's own stage, by URI. */
const keysOfStages = new Map<string, PayloadKeys>();
/** The keys of the configuration that was loaded last, for stages that only inputs name. */
let lastKeys: PayloadKeys | null = null;

/** Encrypts a stage with these keys from now on; without a URI, stages that are no project's own. */
export function useKeys(keys: PayloadKeys, uri?: string): void {
  const known = uri === undefined ? lastKeys : (keysOfStages.get(uri) ?? null);
  // What is open stays open when a configuration is loaded again.
  if (known?.isSameAs(keys) === true) return;
  if (uri === undefined) lastKeys = keys;
  else keysOfStages.set(uri, keys);
  for (const place of opened.keys())
    if (uri === undefined ? place.startsWith(ENCRYPTED) : place.startsWith(`${uri} `)) opened.delete(place);
}

/** Throws if the project has none. */
function keysFor(uri: string): PayloadKeys {
  const keys = keysOfStages.get(uri) ?? lastKeys;
  if (keys !== null && !keys.isEmpty) return keys;
  throw new KeyUnavailable(
    `The stage "${uri}" is encrypted, and the project has no keys. Add the key to temporal.encryption in the configuration.`,
  );
}

/**
 * Opens the stage at an absolute URI. If `token` is given, the stage must have it: a folder that is now a
 * different stage, or none, is unavailable. (A service's stage cannot turn into a different one.)
 */
export function openStage(uri: string, token: string | null = null): Stage {
  if (uri.startsWith(ENCRYPTED)) return openEncrypted(uri, token);
  const kind = kindOf(uri);
  if (kind.service === null) return kind.open(uri, token);
  const known = opened.get(uri);
  if (known !== undefined) return known;
  requirePackages(kind.service.packages, `"${uri}"`);
  const stage = kind.open(uri, token);
  opened.set(uri, stage);
  return stage;
}

function openEncrypted(uri: string, token: string | null): Stage {
  const keys = keysFor(uri);
  const place = `${uri} ${token}`;
  const known = opened.get(place);
  if (known !== undefined) return known;
  const { EncryptedStage }: typeof import('./encrypted-stage') = require('./encrypted-stage');
  const stage = new EncryptedStage(uri, openStage(uri.slice(ENCRYPTED.length), token), keys);
  opened.set(place, stage);
  return stage;
}

/**
 * Resolves a stage in the user's spelling to its absolute URI. Relative paths start at `projectDir`.
 * `warehouse` is the run's warehouse, which some kinds of stage need. Throws if the stage is invalid.
 */
export function stageUri(value: string, projectDir: string, warehouse: string | null): string {
  if (!value.startsWith(ENCRYPTED)) return kindOf(value).resolve(value, { projectDir, warehouse });
  const uri = stageUri(value.slice(ENCRYPTED.length), projectDir, warehouse);
  if (kindOf(uri).encrypts === true)
    throw new Error(
      `The stage "${value}" is encrypted by its service, which may read and write it itself: leave out "${ENCRYPTED}".`,
    );
  keysFor(`${ENCRYPTED}${uri}`);
  return `${ENCRYPTED}${uri}`;
}

/** Whether a stage in the user's spelling is the path of a folder, which may be relative. */
export function isStagePath(value: string): boolean {
  const isNamed = value.startsWith('file://') || value.startsWith(ENCRYPTED);
  return !isNamed && findKind(value)?.service === null;
}

/**
 * The absolute URI without parts that are valid only on this machine, for records that other machines read;
 * `stageUri` adds them again.
 */
export function portableUri(uri: string): string {
  if (uri.startsWith(ENCRYPTED)) return `${ENCRYPTED}${portableUri(uri.slice(ENCRYPTED.length))}`;
  return kindOf(uri).portable?.(uri) ?? uri;
}

function kindOf(value: string): StageKind {
  const kind = findKind(value);
  if (kind !== undefined) return kind;
  throw new Error(`The stage "${value}" is not of a known kind: use ${STAGE_EXAMPLES}.`);
}

function findKind(value: string): StageKind | undefined {
  return STAGE_KINDS.findLast((kind) => kind.matches(value));
}
