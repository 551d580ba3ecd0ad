import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Stage } from './stage';
import { LocalStage } from './local/local-stage';

export { makeFolder } from './make-folder';
export { ObjectExists, ObjectMissing, type Stage } from './stage';

/**
 * Opens the stage at an absolute URI. `file:///folder` is a local folder; other kinds have their own issues and are refused
 * by name here.
 */
export function openStage(uri: string): Stage {
  if (uri.startsWith('file://')) return new LocalStage(uri);
  throw new Error(
    `The stage "${uri}" is of no known kind: use a folder, written as a path or as file:///absolute/path.`,
  );
}

/** The absolute URI of a stage as people write it; relative paths begin at `projectDir`. */
export function stageUri(value: string, projectDir: string): string {
  if (value.startsWith('file://')) return value;
  if (/^[a-z0-9]+:\/\//i.test(value) || value.startsWith('@')) {
    throw new Error(`The stage "${value}" is of no known kind: use a folder.`);
  }
  return pathToFileURL(resolve(projectDir, value)).href;
}
