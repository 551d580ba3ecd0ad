/** Identifies the build of Partwise, to detect a background process that runs another build. */
import { join } from 'node:path';
import { sha256Of } from '../files/digest';
import { packageVersion } from '../files/package-version';
import { readJson } from './state-folder';

/** Written by the build. */
const BUILD = join(__dirname, '..', 'build.json');

/** A digest of this build, this Node and these settings. */
export function fingerprint(settings: readonly (string | undefined)[]): string {
  const digest = readJson<{ digest: string }>(BUILD)?.digest;
  const parts = [packageVersion(), digest, process.execPath, ...settings];
  return sha256Of(JSON.stringify(parts)).slice(0, 16);
}
