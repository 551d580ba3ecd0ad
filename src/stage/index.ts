import { requirePackages } from '../files/optional-packages';
import type { StageKind } from './kind';
import { STAGE_KINDS } from './kinds';
import type { Stage } from './stage';

export { isStoredSize } from './checked';
export { ObjectDamaged, ObjectExists, ObjectMissing, StageUnavailable, type Stage } from './stage';

/** Examples of stages, to complete "it takes …". */
export const STAGE_EXAMPLES = STAGE_KINDS.map(({ example }, i) =>
  i === STAGE_KINDS.length - 1 ? `or ${example}` : example,
).join(', ');

/** Open stages of services, by URI: they cache what is read repeatedly. */
const opened = new Map<string, Stage>();

/**
 * Opens the stage at an absolute URI. If `token` is given, the stage must have it: a folder that is now a
 * different stage, or none, is unavailable. (A service's stage cannot turn into a different one.)
 */
export function openStage(uri: string, token: string | null = null): Stage {
  const kind = kindOf(uri);
  if (kind.service === null) return kind.open(uri, token);
  const known = opened.get(uri);
  if (known !== undefined) return known;
  requirePackages(kind.service.packages, `"${uri}"`);
  const stage = kind.open(uri, token);
  opened.set(uri, stage);
  return stage;
}

/**
 * Resolves a stage in the user's spelling to its absolute URI. Relative paths start at `projectDir`.
 * `warehouse` is the run's warehouse, which some kinds of stage need. Throws if the stage is invalid.
 */
export function stageUri(value: string, projectDir: string, warehouse: string | null): string {
  return kindOf(value).resolve(value, { projectDir, warehouse });
}

/** Whether a stage in the user's spelling is the path of a folder, which may be relative. */
export function isStagePath(value: string): boolean {
  return !value.startsWith('file://') && findKind(value)?.service === null;
}

/**
 * The absolute URI without parts that are valid only on this machine, for records that other machines read;
 * `stageUri` adds them again.
 */
export function portableUri(uri: string): string {
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
