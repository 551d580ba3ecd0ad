// Servers written in Go that tests run against: built once from their published module into the user's cache
// folder, and again for another version.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const { userCache } = createRequire(import.meta.url)('../dist/files/user-cache.js');
/** Packages between two lines of progress; a large server has some two thousand. */
const PROGRESS_EVERY = 100;

/**
 * `module`: the path of the program's package; `version`: as Go writes it, such as `v1.2.3`; `name`: what the
 * program is called here; `variable`: the one of the environment that names a program to use instead.
 * Returns `{ path }`, or `{ missing }` with the reason why there is none, to complete "because …".
 */
export async function goBinary({ module, version, name, variable }) {
  const given = process.env[variable];
  if (given) return existsSync(given) ? { path: given } : { missing: `${variable} names no file: ${given}` };
  const folder = join(userCache(process.env), 'go');
  const extension = process.platform === 'win32' ? '.exe' : '';
  const path = join(folder, `${name}-${version}${extension}`);
  if (existsSync(path)) return { path };
  if (spawnSync('go', ['version']).status !== 0)
    return {
      missing: `there is no Go to build ${name} ${version} with. Install Go, or set ${variable} to the program`,
    };
  mkdirSync(folder, { recursive: true });
  // An interrupted build leaves no program that looks complete, and two builds at once do not mix.
  const building = mkdtempSync(join(folder, `${name}-`));
  try {
    console.error(`Building ${name} ${version} with Go into ${folder}: once, some minutes…`);
    const problem = await install(`${module}@${version}`, building, name);
    if (problem !== null) return { missing: `${name} ${version} could not be built: ${problem}` };
    renameSync(join(building, readdirSync(building)[0]), path);
    return { path };
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

/** Returns null, or the end of what Go printed. */
async function install(target, folder, name) {
  const go = spawn('go', ['install', '-v', target], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, GOBIN: folder },
  });
  const closed = once(go, 'close');
  const printed = [];
  let packages = 0;
  for await (const line of createInterface({ input: go.stderr })) {
    printed.push(line);
    // What it downloads and what it complains about have spaces; names of packages do not.
    if (line.includes(' ') || ++packages % PROGRESS_EVERY !== 0) continue;
    console.error(`Building ${name}: ${packages} packages…`);
  }
  const [status] = await closed;
  return status === 0 ? null : printed.slice(-5).join('\n');
}
