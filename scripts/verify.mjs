// `npm run verify`: the checks that need no server. Arguments select checks by name, as `npm run lint` does.
import { spawnSync } from 'node:child_process';
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

/** Runs checks and prints their results; returns the number of failures. */
export function verify(names = Object.keys(CHECKS)) {
  const failed = names.filter((name) => {
    const { status } = spawnSync(process.execPath, CHECKS[name], { stdio: 'inherit' });
    console.log(`${status === 0 ? 'ok' : 'FAILED'}  ${name}`);
    return status !== 0;
  });
  return failed.length;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2);
  process.exitCode = verify(names.length === 0 ? undefined : names) === 0 ? 0 : 1;
}
