/** docs/architecture.md lists what is in the tree: folders, files, and where each invariant is enforced. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { REPOSITORY } from './support/project';
import type { WorkflowDefinitionOptions } from '@temporalio/common';
import * as workflows from '../src/workflows/index';

const text = readFileSync(join(REPOSITORY, 'docs/architecture.md'), 'utf8');
const SRC = join(REPOSITORY, 'src');

test('every folder of src has a line', () => {
  const rows = [...text.matchAll(/^\| (`[a-z]+`(?:, `[a-z]+`)*) +\|/gm)].flatMap(([, names]) =>
    names!.split(', ').map((name) => name.slice(1, -1)),
  );
  const folders = readdirSync(SRC, { withFileTypes: true }).flatMap((each) =>
    each.isDirectory() ? [each.name] : [],
  );
  // It is described below the table.
  expect([...rows, 'workflows'].filter((name) => existsSync(join(SRC, name))).sort()).toEqual(folders.sort());
});

test('every file named exists', () => {
  const named = [...text.matchAll(/`([a-z][\w./-]*\/[\w.-]+\.ts)`/g)].map(([, path]) => path!);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => ![SRC, REPOSITORY].some((root) => existsSync(join(root, path))))).toEqual([]);
});

test('every guard is listed on the lines of its invariants', () => {
  const program =
    "import { findGuards } from './scripts/invariants/guards.mjs'; console.log(JSON.stringify(findGuards('.')));";
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: REPOSITORY });
  const guards = JSON.parse(printed.toString()) as { file: string; invariants: string[] }[];
  expect(guards.length).toBeGreaterThan(100);
  const missing = guards.flatMap(({ file, invariants }) => {
    const path = file.replace(/^src\//, '');
    return invariants.flatMap((invariant) => {
      const line = new RegExp(`^\\| ${invariant} .*$`, 'm').exec(text)?.[0] ?? '';
      const isNamed =
        line.includes(`\`${path}\``) ||
        (line.includes(`\`${dirname(path)}/\``) &&
          line.includes(`\`${basename(path).replace(/\.\w+$/, '')}\``));
      return isNamed ? [] : [`${invariant} ${path}`];
    });
  });
  expect(missing).toEqual([]);
});

// An error in the code cannot be caused from outside: what activities answer is checked.
test.each(Object.entries(workflows))(
  'an error in the code of %s would fail the workflow, not its task for ever (I9)',
  (_name, workflow) => {
    const { workflowDefinitionOptions: options } = workflow as {
      workflowDefinitionOptions?: WorkflowDefinitionOptions;
    };
    expect(options?.failureExceptionTypes?.map(({ name }) => name)).toEqual(['Error']);
  },
);

test('the Python package has the version of the Node package', () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    version: string;
  };
  const python = readFileSync(join(REPOSITORY, 'python/partwise/__init__.py'), 'utf8');
  expect(python).toContain(`__version__ = "${version}"`);
});
