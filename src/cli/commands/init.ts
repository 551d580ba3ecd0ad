import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { padEnd } from '../../display/text';
import { note, paint, print } from '../terminal';

const TEMPLATES = join(__dirname, '../templates');

export function define(command: Command): void {
  withExamples(command, ['init my-project', 'init --js']);
  command
    .argument('[folder]', 'project folder', '.')
    .option('--js', 'create JavaScript instead of TypeScript')
    .action(init);
}

async function init(folder: string, options: { js?: boolean }): Promise<void> {
  const ending = options.js === true ? 'js' : 'ts';
  const files = [
    { name: `functions.${ending}`, template: `functions.${ending}.txt`, about: 'a partition function' },
    {
      name: `partwise.config.${ending}`,
      template: 'partwise.config.txt',
      about: 'where data and results are',
    },
    { name: 'functions.test.mjs', template: 'functions-test.txt', about: 'a test of it' },
    ...(ending === 'ts'
      ? [{ name: 'tsconfig.json', template: 'tsconfig.json.txt', about: 'for your editor and tsc' }]
      : []),
    { name: 'sales.csv', template: 'sales.csv', about: '60 orders in four regions' },
    { name: 'README.md', template: 'README.md.txt', about: 'what to do next' },
    { name: '.gitignore', template: 'gitignore.txt', about: 'keeps generated files out of version control' },
  ];
  const target = resolve(folder);
  await mkdir(target, { recursive: true });
  let kept = 0;
  for (const { name, template, about } of files) {
    const file = join(target, name);
    const taken = takenBy(target, name);
    if (taken === null)
      await writeFile(file, filled(await readFile(join(TEMPLATES, template), 'utf8'), ending));
    else kept++;
    const mark = taken === null ? paint.green('created') : paint.yellow('kept   ');
    const words =
      taken === null ? about : taken === name ? 'already exists' : `not created: ${taken} already exists`;
    print(`${mark}  ${padEnd(relative(process.cwd(), file), 22)}  ${paint.dim(words)}`);
  }
  const hasTest = addTestScript(target);
  const mark = hasTest ? paint.green('changed') : paint.yellow('kept   ');
  const about = hasTest ? 'npm test runs the test' : 'it has a script "test" of its own';
  print(`${mark}  ${padEnd(relative(process.cwd(), join(target, 'package.json')), 22)}  ${paint.dim(about)}`);
  if (kept === files.length && !hasTest) note('All files already exist; nothing was changed.');
  const project = folder === '.' ? {} : { project: folder };
  const source = folder === '.' ? 'sales.csv' : join(folder, 'sales.csv');
  print(
    `\n${paint.dim('Next:')}\n  ${paint.cyan(suggesting(project)(`run salesByRegion --from ${source} --by region`))}`,
  );
}

/** What `npm init` writes where a script is missing. */
const NO_TEST = /^echo "Error: no test specified"/;

function filled(template: string, ending: string): string {
  return template.replace('FUNCTIONS_FILE', `functions.${ending}`);
}

/**
 * Adds the script `test` to `package.json`, which is created if there is none. Returns false if it has one.
 */
function addTestScript(folder: string): boolean {
  const file = join(folder, 'package.json');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '{ "private": true }';
  const manifest = JSON.parse(text) as { scripts?: Record<string, string> };
  const own = manifest.scripts?.test;
  if (own !== undefined && !NO_TEST.test(own)) return false;
  const indent = /^[ \t]+(?=")/m.exec(text)?.[0] ?? '  ';
  const changed = { ...manifest, scripts: { ...manifest.scripts, test: 'node --test' } };
  writeFileSync(file, `${JSON.stringify(changed, null, indent)}\n`);
  return true;
}

/**
 * The existing file that conflicts with `name`: the same file, or one with another extension. Null if none.
 */
function takenBy(folder: string, name: string): string | null {
  const stem = /^(functions|partwise\.config)\.[jt]s$/.exec(name)?.[1];
  const names =
    stem === undefined ? [name] : ['ts', 'js', 'mjs', 'json'].map((ending) => `${stem}.${ending}`);
  return [name, ...names].find((each) => existsSync(join(folder, each))) ?? null;
}
