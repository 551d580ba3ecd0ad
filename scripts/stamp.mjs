// Records the inputs of a step, so that it is skipped while they are unchanged.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** SHA-256 over the paths and contents of files and folders. */
export function digestOf(paths) {
  const hash = createHash('sha256').update(process.version);
  const visit = (path) => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) if (name !== '__pycache__') visit(join(path, name));
    } else {
      hash.update(path).update('\0').update(readFileSync(path)).update('\0');
    }
  };
  for (const path of paths) if (existsSync(path)) visit(path);
  return hash.digest('hex');
}

/** Runs `work` unless the stamp file already holds `digest`. Returns whether it ran. */
export async function unlessStamped(stampFile, digest, work) {
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === digest) return false;
  await work();
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, digest);
  return true;
}
