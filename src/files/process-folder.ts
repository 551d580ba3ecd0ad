import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Map<string, string>();

/** A temporary folder of this process, one for each name, that is removed when the process exits. */
export function processFolder(name: string): string {
  const known = folders.get(name);
  if (known !== undefined) return known;
  const folder = mkdtempSync(join(tmpdir(), `partwise-${name}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  folders.set(name, folder);
  return folder;
}
