/** Other versions of Node, from the npm registry or npm's cache. */
import { join } from 'node:path';
import { LONG } from './long';
import { run, type Ran } from './shell';

/** Besides the one that runs the tests. */
export const OTHER_NODES = LONG ? [22, 24] : [24];

const QUIETLY = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];

/** With the prefix, npm ignores any package.json in a parent of the temporary folder. */
export const npmInstall = (into: string, ...what: string[]): Promise<Ran> =>
  run('npm', ['install', '--prefix', into, ...QUIETLY, ...what], into);

export const installNodes = (into: string): Promise<Ran> =>
  npmInstall(into, '--ignore-scripts', ...OTHER_NODES.map(nodePackage));

/** Node as a package whose binary needs no install script. */
export function nodePackage(major: number): string {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const bin = platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  return `node${major}@npm:${bin}-${platform}-${process.arch}@${major}`;
}

/** The program of a version that was installed there. */
export function nodeProgram(folder: string, major: number): string {
  return join(
    folder,
    'node_modules',
    `node${major}`,
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
}
