// The programs of a Temporal cluster: Temporal's own server, with the tool that creates its schema, and
// PostgreSQL.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import userCache from '../dist/files/user-cache.js';
import { findPostgres } from './find-postgres.mjs';

const VERSION = '1.32.1';
/** As Temporal's release archives name them; `package` is what `go install` is given. */
const PROGRAMS = [
  { name: 'temporal-server', built: 'server', package: 'cmd/server' },
  { name: 'temporal-sql-tool', built: 'sql', package: 'cmd/tools/sql' },
];
const REPORTS_EVERY_MS = 30_000;

/**
 * Finds them, and builds the server if this machine has none. Resolves with `env`, the variables with which
 * tests find them, or `missing`, the reason why they cannot run.
 */
export async function clusterPrograms(env = process.env) {
  const postgres = findPostgres();
  if (postgres === null)
    return { missing: 'PostgreSQL is not installed (on Debian: apt-get install postgresql)' };
  const { folder, missing } = await temporalPrograms(env);
  return missing === undefined
    ? { env: { CLUSTER_PROGRAMS: folder, POSTGRES_PROGRAMS: postgres } }
    : { missing };
}

async function temporalPrograms(env) {
  if (env.TEMPORAL_SERVER_BIN) {
    const folder = dirname(resolve(env.TEMPORAL_SERVER_BIN));
    const absent = PROGRAMS.find(({ name }) => !existsSync(join(folder, name)));
    if (absent === undefined) return { folder };
    return {
      missing: `TEMPORAL_SERVER_BIN is ${env.TEMPORAL_SERVER_BIN}, but ${folder} has no ${absent.name}`,
    };
  }
  const folder = join(userCache.userCache(env), 'temporal-server', VERSION);
  if (PROGRAMS.every(({ name }) => existsSync(join(folder, name)))) return { folder };
  const { stdout, status } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' });
  if (status !== 0)
    return { missing: `there is neither Go, which builds Temporal's server, nor TEMPORAL_SERVER_BIN` };
  console.error(
    `Building Temporal's server ${VERSION} with ${stdout.trim()}, once; it takes some ten minutes…`,
  );
  const failure = await build(folder);
  return failure === null ? { folder } : { missing: `Temporal's server could not be built: ${failure}` };
}

/** Resolves with null, or with what Go printed last. */
async function build(folder) {
  mkdirSync(dirname(folder), { recursive: true });
  const built = mkdtempSync(`${folder}.build-`);
  try {
    for (const { name, built: as, package: path } of PROGRAMS) {
      const failure = await install(`go.temporal.io/server/${path}@v${VERSION}`, built);
      if (failure !== null) return failure;
      renameSync(join(built, as), join(built, name));
    }
    // Another process may have built it meanwhile, or have been killed while it did.
    rmSync(folder, { recursive: true, force: true });
    renameSync(built, folder);
    return null;
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
}

async function install(module, folder) {
  const go = spawn('go', ['install', '-v', module], {
    env: { ...process.env, GOBIN: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let packages = 0;
  let last = '';
  createInterface({ input: go.stderr }).on('line', (line) => {
    last = line;
    if (!line.startsWith('go: ')) packages++;
  });
  const startedAt = Date.now();
  const reporting = setInterval(() => {
    const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
    console.error(`  ${minutes} min: ${packages === 0 ? last : `${packages} packages compiled`}`);
  }, REPORTS_EVERY_MS);
  const [code] = await once(go, 'close');
  clearInterval(reporting);
  return code === 0 ? null : last;
}
