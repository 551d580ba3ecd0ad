// PostgreSQL for the tests of a cluster and for one benchmark.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Debian keeps the server's programs here, by version, and not on the PATH. */
const VERSIONS = '/usr/lib/postgresql';

/** The folder of the newest version's programs; null if there is none. */
export function findPostgres() {
  if (!existsSync(VERSIONS)) return null;
  const folders = readdirSync(VERSIONS)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'initdb'))) ?? null;
}
