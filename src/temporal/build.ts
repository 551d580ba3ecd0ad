/** Which build of Partwise this is, to tell a background process that runs another. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from './state-folder';

const PACKAGE = join(__dirname, '..', '..', 'package.json');
/** Written by the build. */
const BUILD = join(__dirname, '..', 'build.json');

export function partwiseVersion(): string {
  return (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
}

/** Of this build under this Node, with these settings. */
export function fingerprint(settings: readonly (string | undefined)[]): string {
  const digest = readJson<{ digest: string }>(BUILD)?.digest;
  const parts = [partwiseVersion(), digest, process.execPath, ...settings];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
