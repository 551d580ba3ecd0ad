import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { shellWord } from '../../core/shell-word';
import { withExamples } from '../help';
import { suggesting } from '../invocation';
import { padEnd } from '../../display/text';
import { note, paint, print } from '../terminal';

const TEMPLATES = join(__dirname, '../templates');
const PYPROJECT = 'pyproject.toml';

export function define(command: Command): void {
  withExamples(command, ['init my-project', 'init --js', 'init --python']);
  command
    .argument('[folder]', 'project folder', '.')
    .addOption(new Option('--js', 'create JavaScript instead of TypeScript').conflicts('python'))
    .option('--python', 'create Python instead of TypeScript')
    .action(init);
}

interface Template {
  name: string;
  template: string;
  about: string;
}

const SALES: Template = { name: 'sales.csv', template: 'sales.csv', about: '60 orders in four regions' };

function nodeFiles(ending: 'ts' | 'js'): Template[] {
  return [
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
    SALES,
    { name: 'README.md', template: 'README.md.txt', about: 'what to do next' },
    { name: '.gitignore', template: 'gitignore.txt', about: 'keeps generated files out of version control' },
  ];
}

const PYTHON_FILES: readonly Template[] = [
  { name: 'functions.py', template: 'functions.py.txt', about: 'a partition function' },
  { name: 'pyproject.toml', template: 'pyproject.toml.txt', about: 'where data and results are' },
  { name: 'test_functions.py', template: 'functions-test.py.txt', about: 'a test of it' },
  { name: 'requirements.txt', template: 'requirements.txt', about: 'packages that they need' },
  SALES,
  { name: 'README.md', template: 'README-python.md.txt', about: 'what to do next' },
  {
    name: '.gitignore',
    template: 'gitignore-python.txt',
    about: 'keeps generated files out of version control',
  },
];

async function init(folder: string, options: { js?: boolean; python?: boolean }): Promise<void> {
  const python = options.python === true;
  const ending = options.js === true ? 'js' : 'ts';
  const files = python ? PYTHON_FILES : nodeFiles(ending);
  const target = resolve(folder);
  await mkdir(target, { recursive: true });
  let kept = 0;
  for (const { name, template, about } of files) {
    const file = join(target, name);
    const taken = takenBy(target, name);
    if (taken === null)
      await writeFile(file, filled(await readFile(join(TEMPLATES, template), 'utf8'), { ending, target }));
    else kept++;
    const mark = taken === null ? paint.green('created') : paint.yellow('kept   ');
    const words =
      taken === null ? about : taken === name ? 'already exists' : `not created: ${taken} already exists`;
    print(`${mark}  ${padEnd(relative(process.cwd(), file), 22)}  ${paint.dim(words)}`);
  }
  // pytest needs no script.
  const hasTest = python ? false : reportTestScript(target);
  if (kept === files.length && !hasTest) note('All files already exist; nothing was changed.');
  const inside = (name: string): string => shellWord(folder === '.' ? name : join(folder, name));
  const suggest = suggesting(folder === '.' ? {} : { project: folder });
  const run = `run ${python ? 'sales_by_region' : 'salesByRegion'} --from ${inside('sales.csv')} --by region`;
  const commands = python
    ? [
        `python3 -m venv ${inside('.venv')}`,
        `${inside('.venv/bin/pip')} install -r ${inside('requirements.txt')}`,
        suggest(run),
        `${inside('.venv/bin/python')} -m pytest${folder === '.' ? '' : ` ${shellWord(folder)}`}`,
      ]
    : [suggest(run)];
  print(`\n${paint.dim('Next:')}\n${commands.map((command) => `  ${paint.cyan(command)}`).join('\n')}`);
}

/** Adds the script `test` to `package.json`, which is created if there is none. Returns whether it did. */
function reportTestScript(target: string): boolean {
  const file = join(target, 'package.json');
  const isNew = !existsSync(file);
  const hasTest = addTestScript(file);
  const mark = hasTest ? paint.green(isNew ? 'created' : 'changed') : paint.yellow('kept   ');
  const about = hasTest ? 'npm test runs the test' : 'it has a script "test" of its own';
  print(`${mark}  ${padEnd(relative(process.cwd(), file), 22)}  ${paint.dim(about)}`);
  return hasTest;
}

/** What `npm init` writes where a script is missing. */
const NO_TEST = /^echo "Error: no test specified"/;

function filled(template: string, { ending, target }: { ending: string; target: string }): string {
  return template
    .replace('FUNCTIONS_FILE', `functions.${ending}`)
    .replace('PYTHON_FOLDER', () => pythonFolder(target));
}

/**
 * The Python part of the package that is installed for the project, relative to it; of this copy, if none is.
 */
function pythonFolder(target: string): string {
  const installed = join('node_modules', 'partwise', 'python');
  let at = target;
  while (!existsSync(join(at, installed)) && at !== dirname(at)) at = dirname(at);
  const found = join(at, installed);
  return relative(target, existsSync(found) ? found : OWN_PYTHON).replaceAll('\\', '/');
}

const OWN_PYTHON = join(__dirname, '../../../python');

/** Returns false if it has one. */
function addTestScript(file: string): boolean {
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
 * The existing file that conflicts with `name`: the same file, one with another extension, or another
 * configuration. Null if none.
 */
function takenBy(folder: string, name: string): string | null {
  const configurations = ['ts', 'js', 'mjs', 'json'].map((ending) => `partwise.config.${ending}`);
  const isConfiguration = name.startsWith('partwise.config.');
  const names = /^functions\.[jt]s$/.test(name)
    ? ['ts', 'js', 'mjs', 'json'].map((ending) => `functions.${ending}`)
    : isConfiguration || name === PYPROJECT
      ? configurations
      : [];
  const taken = [name, ...names].find((each) => existsSync(join(folder, each)));
  if (taken !== undefined) return taken;
  const pyproject = join(folder, PYPROJECT);
  const isConfigured =
    isConfiguration && existsSync(pyproject) && readFileSync(pyproject, 'utf8').includes('[tool.partwise]');
  return isConfigured ? PYPROJECT : null;
}
