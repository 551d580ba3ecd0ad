// `npm run invariants`: disables each guard in turn, and checks whether a test of its invariant fails. See
// docs/testing.md.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findGuards } from './invariants/guards.mjs';
import { disable, staleReplacements } from './invariants/mutate.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    file: { type: 'string', multiple: true },
    tests: { type: 'string', multiple: true },
    list: { type: 'boolean' },
  },
});
/** Time limit for the tests of one file: a mutant may hang. */
const FILE_MS = 240_000;
const HANGS = 'it does not end';

const all = findGuards(root);
const guards = all.filter(
  ({ file, invariants }) =>
    (values.only === undefined || invariants.some((each) => values.only.includes(each))) &&
    (values.file === undefined || values.file.some((part) => file.includes(part))),
);
if (guards.length === 0) {
  console.error('No guard matches: --only takes an invariant such as I4, --file a part of a path in src.');
  process.exit(2);
}

/** Matches tags at the beginning or the end of a title. */
const titlesOf = (invariants) => `(^|[\\s(])(I\\d+, )*(${invariants.join('|')})([ ,)]|$)`;
const tests = readdirSync(join(root, 'test')).filter(
  (name) =>
    name.endsWith('.test.ts') &&
    (values.tests === undefined || values.tests.some((part) => name.includes(part))),
);

/**
 * The test file that noticed each guard's mutant last time, which is tried first: most of the time of a run
 * goes into files that do not notice it.
 */
const noticedFile = join(root, 'scripts/invariants/noticed.json');
const noticed = new Map(Object.entries(JSON.parse(readFileSync(noticedFile, 'utf8'))));
function keyOf({ file, line, invariants }) {
  const tag = invariants.join(', ');
  const same = all.filter((guard) => guard.file === file && guard.invariants.join(', ') === tag);
  return `${file} ${tag} ${same.findIndex((guard) => guard.line === line) + 1}`;
}
function recordNoticed(guard, name) {
  noticed.set(keyOf(guard), name);
  const known = new Set(all.map(keyOf));
  const sorted = [...noticed].filter(([key]) => known.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(noticedFile, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
}

/**
 * Test files with such titles: first the one that noticed the mutant last time, then those that import the
 * guarded module, then the small ones.
 */
function testsOf(guard) {
  const { file, invariants } = guard;
  const lastTime = noticed.get(keyOf(guard));
  const title = new RegExp(`['"\` (](I\\d+, )*(${invariants.join('|')})[ ,)'"\`]`);
  const stem = basename(file, extname(file)).replaceAll('_', '-');
  return tests
    .map((name) => ({ name, text: readFileSync(join(root, 'test', name), 'utf8') }))
    .filter(({ text }) => title.test(text))
    .map(({ name, text }) => ({
      name,
      before: name === lastTime ? 0 : 1,
      near: text.includes(`${stem}'`) ? 0 : name.replace('.test.ts', '').includes(stem.split('-')[0]) ? 1 : 2,
      // Files that start workers are slow.
      slow: /startWorker|startCli/.test(text) ? 1 : 0,
      length: text.length,
    }))
    .sort((a, b) => a.before - b.before || a.near - b.near || a.slow - b.slow || a.length - b.length)
    .map(({ name }) => name);
}

/** The first failed test of the file, or null. */
function jest(folder, name, pattern) {
  const [report, first] = [join(scratch, 'report.json'), join(scratch, 'failed.txt')];
  for (const file of [report, first]) rmSync(file, { force: true });
  const environment = join(folder, 'scripts/invariants/first-failure.cjs');
  const args = ['--rootDir', folder, '--env', environment, '-i', '--json', `--outputFile=${report}`];
  const { status, signal } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--no-warnings',
      join(root, 'node_modules/jest/bin/jest.js'),
      ...args,
      '-t',
      pattern,
      join(folder, 'test', name),
    ],
    {
      cwd: folder,
      env: { ...own(), MUTANT_ROOT: folder, MUTANT_FAILED: first },
      stdio: 'ignore',
      timeout: FILE_MS,
      killSignal: 'SIGKILL',
    },
  );
  endLeftovers();
  if (signal !== null) return { failed: HANGS, passed: 0 };
  if (existsSync(first)) return { failed: readFileSync(first, 'utf8'), passed: 0 };
  if (status !== 0) return { failed: 'the file does not load', passed: 0 };
  return { failed: null, passed: JSON.parse(readFileSync(report, 'utf8')).numPassedTests };
}

/** A mutant may leave files behind, even where it must not. */
function own() {
  const TMPDIR = join(scratch, 'tmp', 'of-the-mutant');
  rmSync(join(scratch, 'tmp'), { recursive: true, force: true });
  mkdirSync(TMPDIR, { recursive: true });
  return { ...process.env, TMPDIR };
}

/** A test that fails without a mutation proves nothing. */
const sound = new Map();
function failsOnlyMutated(name, pattern, title) {
  const exact = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const key = `${name} ${title}`;
  if (!sound.has(key))
    sound.set(key, jest(pristine, name, title === HANGS ? pattern : `^${exact}$`).failed === null);
  return sound.get(key);
}

function verdictOn(guard) {
  const mutant = disable(copy, guard);
  if (mutant.problem !== undefined) return { ok: false, verdict: `BROKEN MARKER: ${mutant.problem}` };
  const place = join(copy, guard.file);
  const original = readFileSync(place);
  try {
    writeFileSync(place, mutant.text);
    const built = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: copy, encoding: 'utf8' });
    if (built.status !== 0)
      return {
        ok: false,
        what: mutant.what,
        verdict: `BROKEN MARKER: does not compile: ${firstLine(built.stdout)}`,
      };
    // If a port was taken at that moment, the failure is not the mutant's: try twice.
    const smoked = smoke() && smoke();
    if (smoked !== null)
      return { ok: false, what: mutant.what, verdict: `BROKEN MARKER: fails the smoke run: ${smoked}` };
    return { what: mutant.what, ...tested(guard) };
  } finally {
    writeFileSync(place, original);
  }
}

/** Null, or the reason why a run of four partitions fails. */
function smoke() {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/invariants/smoke.cjs'], {
    cwd: copy,
    env: own(),
    encoding: 'utf8',
    timeout: FILE_MS,
  });
  endLeftovers();
  return status === 0 ? null : firstLine(stderr) || 'it does not end';
}

/** Kills servers and workers of interrupted tests: every process started with a path of the copy. */
function endLeftovers() {
  const pids = existsSync('/proc') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  for (const pid of pids) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(scratch))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has already exited.
    }
  }
}

function tested(guard) {
  const pattern = titlesOf(guard.invariants);
  let passed = 0;
  for (const name of testsOf(guard)) {
    const { failed, passed: some } = jest(copy, name, pattern);
    if (failed !== null && failsOnlyMutated(name, pattern, failed)) {
      recordNoticed(guard, name);
      return { ok: true, verdict: `noticed by ${name}: ${failed}` };
    }
    if (failed !== null)
      return { ok: false, verdict: `UNSOUND: "${failed}" of ${name} fails without the mutation too` };
    passed += some;
  }
  return { ok: false, verdict: `NOT NOTICED: ${passed} tests of ${guard.invariants.join(', ')} pass` };
}

function copyProject(folder) {
  const names = ['src', 'python', 'test', 'scripts', 'examples', 'docs', 'dist'];
  const files = ['package.json', 'package-lock.json', 'tsconfig.json', 'jest.config.js', 'README.md'];
  for (const name of [...names, ...files]) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}

function firstLine(text) {
  return text.trim().split('\n')[0].slice(0, 200);
}

if (values.list === true) {
  for (const guard of guards) {
    const { what, problem } = disable(root, guard);
    console.log(`${guard.file}:${guard.line} ${guard.invariants.join(', ')}  ${what ?? problem}`);
  }
  process.exit(0);
}

const scratch = mkdtempSync(join(tmpdir(), 'partwise-invariants-'));
// Some tests act as another user, whose folder is inside.
chmodSync(scratch, 0o711);
/** One copy in which mutants are built, and one that stays unchanged. */
const [copy, pristine] = [join(scratch, 'copy'), join(scratch, 'pristine')];
for (const folder of [copy, pristine]) copyProject(folder);
let bad = 0;
try {
  for (const guard of guards) {
    const startedAt = Date.now();
    const { ok, what, verdict } = verdictOn(guard);
    if (!ok) bad++;
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    console.log(
      `${ok ? 'ok    ' : 'FAILED'} ${guard.invariants.join(', ').padEnd(7)} ${guard.file}:${guard.line}  ${what ?? ''}  (${seconds} s)\n       ${verdict}`,
    );
  }
  for (const { file, from } of staleReplacements(root, all)) {
    bad++;
    console.log(`FAILED scripts/invariants/replacements.mjs: no guard of ${file} uses "${firstLine(from)}"`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${guards.length} guards, ${bad} failures`);
process.exit(bad === 0 ? 0 : 1);
