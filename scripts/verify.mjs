// `npm run verify`: the checks that need no server. Arguments select checks by name, as `npm run lint` does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';

const CHECKS = {
  types: ['node_modules/typescript/bin/tsc', '-p', 'test/tsconfig.json'],
  'types of the page': ['node_modules/typescript/bin/tsc', '-p', 'src/console/page'],
  oxlint: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'],
  'dependency-cruiser': ['node_modules/dependency-cruiser/bin/dependency-cruise.mjs', 'src'],
  knip: ['node_modules/knip/bin/knip.js', '--no-progress'],
  'api reports': ['scripts/api.mjs', '--check'],
  'comment width': ['scripts/comment-width.mjs'],
  prettier: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
};

/** Runs checks one after the other and prints their results; resolves with the names of those that failed. */
export async function verify(names = Object.keys(CHECKS)) {
  const failed = [];
  for (const name of names) {
    const [code] = await once(spawn(process.execPath, CHECKS[name], { stdio: 'inherit' }), 'exit');
    console.log(`${code === 0 ? 'ok' : 'FAILED'}  ${name}`);
    if (code !== 0) failed.push(name);
  }
  return failed;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2);
  const failed = await verify(names.length === 0 ? undefined : names);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
