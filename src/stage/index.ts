import { requirePackages } from '../files/optional-packages';
import type { StageKind } from './kind';
import { STAGE_KINDS } from './kinds';
import type { Stage } from './stage';

export { makeFolder } from '../files/make-folder';
export { isStoredSize } from './checked';
export { ObjectDamaged, ObjectExists, ObjectMissing, StageUnavailable, type Stage } from './stage';

/** How people write a stage; completes "it takes …". */
export const STAGE_EXAMPLES = STAGE_KINDS.map(({ example }, i) =>
  i === STAGE_KINDS.length - 1 ? `or ${example}` : example,
).join(', ');

/** Stages of services, by URI: they keep copies of what is read again and again. */
const opened = new Map<string, Stage>();

/**
 * Opens the stage at an absolute URI. `token`: what the stage must have; a folder that is another stage by
 * now, or none, is then unavailable. (A stage of a service does not turn into another one.)
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
 * The absolute URI of a stage as people write it. Relative paths begin at `projectDir`; `warehouse` is named
 * along with the stage, whose kind may need it. Throws a sentence.
 */
export function stageUri(value: string, projectDir: string, warehouse: string | null): string {
  return kindOf(value).resolve(value, { projectDir, warehouse });
}

/** Whether a stage as people write it is the path of a folder, which may be relative. */
export function isStagePath(value: string): boolean {
  return !value.startsWith('file://') && findKind(value)?.service === null;
}

/**
 * The absolute URI without what only this machine knows, for records that others read; `stageUri` completes
 * it.
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
