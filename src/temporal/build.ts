/** Identifies the build of Partwise, to detect a background process that runs another build. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Of } from '../files/digest';
import { readJson } from './state-folder';

const PACKAGE = join(__dirname, '..', '..', 'package.json');
/** Written by the build. */
const BUILD = join(__dirname, '..', 'build.json');

export function partwiseVersion(): string {
  return (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
}

/** A digest of this build, this Node and these settings. */
export function fingerprint(settings: readonly (string | undefined)[]): string {
  const digest = readJson<{ digest: string }>(BUILD)?.digest;
  const parts = [partwiseVersion(), digest, process.execPath, ...settings];
  return sha256Of(JSON.stringify(parts)).slice(0, 16);
}
