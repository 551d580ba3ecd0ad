// `npm run demo`: runs this example with the commands that a user would type. Needs the built CLI.
import { spawnSync } from 'node:child_process';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from './style.mjs';

const project = dirname(fileURLToPath(import.meta.url));
const root = join(project, '../..');
const cli = join('dist', 'cli', 'main.js');
const projectFlags = ['--project', relative(root, project)];

// The demo uses its own server, whatever the environment of this shell.
const SETTINGS = /^(TEMPORAL_|PARTWISE_(FUNCTIONS|WAREHOUSE|STAGE|TASK_QUEUE|RUNNERS)$)/;
const strange = Object.keys(process.env).filter((name) => SETTINGS.test(name));
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SETTINGS.test(name)));

const dim = (text) => styleText('dim', text);
const runId = `texas-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')}`;

console.log(`
${styleText('bold', 'Home sales of 46 Texas cities, 2000 to 2015: one partition per city.')}

The function ${styleText('cyan', 'trendByCity')} (examples/texas-housing/functions.ts) runs once
per city, in separate processes, and Temporal keeps track. It rejects cities
with too many missing months, so a few do fail; five are tolerated.
`);

const state = JSON.parse(
  partwise(
    ['run', 'trendByCity', '--from', 'examples/texas-housing/texas_housing_sales.csv', '--by', 'city'].concat(
      ['--tolerated-failures', '5', '--run-id', runId, '--json'],
    ),
    { captured: true },
  ),
);
const rows = JSON.parse(partwise(['results', runId, '--json'], { captured: true, quiet: true }));
console.log(`\n${trends(rows)}\n`);
partwise(['status', runId], { captured: false });
if (strange.length > 0) {
  console.log(
    dim(
      `\nThis shell sets ${strange.join(', ')}, which the demo ignores. Unset it before you try these commands.`,
    ),
  );
}
process.exitCode = state.counts.DONE > 0 && state.counts.FAILED <= 5 ? 0 : 1;

/** Runs the CLI in the repository's root, as printed. Returns its standard output if captured. */
function partwise(args, { captured, quiet = false }) {
  const words = [cli, ...args, ...projectFlags];
  if (!quiet) console.log(dim(`$ node ${words.join(' ')}`));
  const { status, stdout } = spawnSync(process.execPath, words, {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['inherit', captured ? 'pipe' : 'inherit', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  return stdout;
}

/** The cities whose prices rose most and least, one line each. */
function trends(cities) {
  const [TOP, BOTTOM] = [10, 5];
  // With the columns before it, 80 characters.
  const BAR = 16;
  const sorted = cities.toSorted((a, b) => b.growth_percent - a.growth_percent);
  const most = Math.max(...sorted.map(({ median_price: price }) => price));
  const line = ({ city, prices, growth_percent: growth, median_price: price }) =>
    [
      city.padEnd(22),
      styleText('cyan', sparkline(prices)),
      `${growth >= 0 ? '+' : ''}${growth.toFixed(1)} %`.padStart(8),
      `$${price.toLocaleString('en')}`.padStart(10),
      styleText('green', '█'.repeat(Math.round((price / most) * BAR))),
    ].join('  ');
  return [
    dim(`${'city'.padEnd(22)}  ${'median price'.padEnd(16)}  a year    ${'2015'.padStart(8)}`),
    ...sorted.slice(0, TOP).map(line),
    dim(`… ${sorted.length - TOP - BOTTOM} more …`),
    ...sorted.slice(-BOTTOM).map(line),
  ].join('\n');
}

function sparkline(values) {
  const known = values.filter((value) => value !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return values
    .map((value) =>
      value === null ? ' ' : '▁▂▃▄▅▆▇█'[Math.round(((value - least) / (most - least || 1)) * 7)],
    )
    .join('');
}
