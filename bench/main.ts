/** `npm run bench`, `npm run bench -- tiny-2k real`, `-- --runs 5 --check`. */
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { CASES } from './cases';
import type { Case, Measured } from './cases/case';
import { World } from './world';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: 'string', default: '1' }, check: { type: 'boolean', default: false } },
  });
  const unknown = positionals.filter((name) => !CASES.some((each) => each.name === name));
  const runs = Number(values.runs);
  if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
    const names = CASES.map(({ name }) => name).join(', ');
    console.error(`Usage: npm run bench -- [NAME …] [--runs N] [--check]; NAME is one of ${names}.`);
    process.exit(2);
  }
  const chosen = CASES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  console.log(
    `${new Date().toISOString()}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, ${gigabytes} GiB`,
  );
  let missed = 0;
  for (const each of chosen) if (!(await report(each, runs))) missed++;
  process.exit(values.check && missed > 0 ? 1 : 0);
}

/** Whether the targets were met, or missed by no more than the spread of the measurements. */
async function report(each: Case, runs: number): Promise<boolean> {
  console.log(`\n${each.name}: ${each.work}`);
  const world = await World.make();
  const measured: Measured[] = [];
  try {
    await each.prepare(world);
    for (let i = 0; i < runs; i++) {
      const one = await each.measure(world);
      measured.push(one);
      console.log(`  ${one.ratio.toFixed(2)}   ${described(one.details)}`);
      for (const line of one.missed ?? []) console.log(`    missed: ${line}`);
    }
  } finally {
    await world.end();
  }
  const ratios = measured.map(({ ratio }) => ratio).sort((a, b) => a - b);
  const median = ratios[ratios.length >> 1]!;
  const { target } = each;
  const best = 'atLeast' in target ? ratios.at(-1)! : ratios[0]!;
  const reached = (ratio: number): boolean =>
    'atLeast' in target ? ratio >= target.atLeast : ratio <= target.atMost;
  const wanted = 'atLeast' in target ? `at least ${target.atLeast}` : `at most ${target.atMost}`;
  const verdict = reached(median) ? 'reached' : reached(best) ? 'missed, within the noise' : 'MISSED';
  const isWhole = measured.some(({ missed = [] }) => missed.length === 0);
  console.log(
    `  ${median.toFixed(2)} × the ${each.ratio} (${wanted}): ${verdict}${isWhole ? '' : '; parts MISSED'}`,
  );
  return reached(best) && isWhole;
}

function described(details: Record<string, number>): string {
  return Object.entries(details)
    .map(([name, value]) => `${name} ${value.toFixed(2)}`)
    .join(', ');
}

void main();
