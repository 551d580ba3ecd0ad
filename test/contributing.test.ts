/** CONTRIBUTING.md lists exactly what exists. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { REPOSITORY } from './support/project';

const TEXT = readFileSync(join(REPOSITORY, 'CONTRIBUTING.md'), 'utf8');
const TREE = /```text\n([^]*?)```/.exec(TEXT)![1]!;

const foldersOf = (folder: string): string[] =>
  readdirSync(join(REPOSITORY, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

it('the map of the tree lists each folder of src once, and no other', () => {
  const lines = TREE.split('\n').filter((line) => line.startsWith('  '));
  // Subfolders are named in the description of their folder.
  const named = lines.flatMap((line) => line.split(/ {2,}/)[1]!.match(/\w+(?=\/)/g) ?? []);
  expect(named.sort()).toEqual(foldersOf('src').sort());
});

it('every path in the text exists', () => {
  const paths = [...TEXT.matchAll(/`((?:src|test|scripts|docs|api)\/[^`\s]*)`/g)].map(([, path]) => path!);
  expect(paths.length).toBeGreaterThan(10);
  expect(paths.filter((path) => !existsSync(join(REPOSITORY, path)))).toEqual([]);
});

it('every npm script in the text exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = [...TEXT.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});
