/** `npm run chaos -- --seed 7` and `-- --seeds 1-50 --parallel 4 --log FILE`. */
import { cpus, platform, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { assertNoneLeft, check, CHECKS } from './checks';
import { drive, type Driven } from './drive';
import { GATEWAY } from '../support/s3-gateway';
import { withExtras, withStoreFaults } from './extras';
import { missingFor } from './machine';
import { inProcesses, type SeedEnd } from './parallel';
import { MACHINE_FAULTS, machineScenarioOf, scenarioOf, type Scenario } from './scenario';
import { SeedLog } from './seed-log';
import { World } from './world';

/** The seed that runs. */
let world: World | null = null;

/** Its processes would outlive this one. */
async function stop(): Promise<void> {
  await world?.end();
  await world?.remove();
  process.exit(1);
}

async function runSeed(seed: number, scenario: Scenario, say: (text: string) => void): Promise<SeedEnd> {
  const startedAt = Date.now();
  const report = (text: string): void =>
    say(`seed ${seed} ${String(Math.round((Date.now() - startedAt) / 1000)).padStart(3)} s: ${text}`);
  world = null;
  let failed: { name: string; problem: string }[] = [];
  let driven: Driven | null = null;
  try {
    world = await World.make(scenario);
    report(`${describe(scenario)}, in ${world.folder}`);
    driven = await drive(world, scenario, report);
    report('checks');
    failed = await check(world, driven);
  } catch (error) {
    failed.push({
      name: 'the run comes to its end',
      problem: error instanceof Error ? error.stack! : String(error),
    });
  }
  try {
    await world?.end();
    if (world !== null) await assertNoneLeft(world);
  } catch (error) {
    failed.push({ name: 'no runner outlives its worker', problem: (error as Error).message });
  }
  if (failed.length === 0) await world?.remove();
  for (const { name, problem } of failed) report(`FAILED ${name}: ${problem}`);
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  if (failed.length > 0)
    report(
      `kept in ${world?.places.join(', ')}; again with: npm run chaos --${flagOf(scenario)} --seed ${seed}`,
    );
  return {
    ok: failed.length === 0,
    line: summary(
      scenario,
      driven,
      failed.map(({ name }) => name),
      seconds,
    ),
  };
}

function flagOf({ family }: Scenario): string {
  const flags = [
    family === 'machine' && '--machine',
    process.env.CLUSTER_SERVER && '--cluster',
    GATEWAY && '--s3',
  ];
  return flags.map((flag) => (flag ? ` ${flag}` : '')).join('');
}

function describe(scenario: Scenario): string {
  const { partitions, shape, source, encrypted, start, workers, faults, options, oddities } = scenario;
  const kinds = faults.map(({ kind, after }) => `${kind}@${after}`).join(' ');
  const odd = Object.entries(oddities).flatMap(([name, on]) => (on ? [name] : []));
  return (
    `${partitions.length} partitions, ${shape}, ${source}${encrypted ? ', encrypted' : ''}${start === 'race' ? ', race' : ''}, ${workers} workers, tolerates ${options.toleratedFailures}; ${kinds}` +
    (odd.length === 0 ? '' : `; odd: ${odd.join(' ')}`)
  );
}

function summary(
  { seed, partitions, shape, source, encrypted }: Scenario,
  driven: Driven | null,
  failed: string[],
  seconds: number,
): string {
  const { executions = [], inflicted = {}, missed = 0 } = driven ?? {};
  const { runner = 0, worker = 0, server = 0, client = 0, ...others } = inflicted;
  const more = Object.entries(others).map(([kind, n]) => `${kind} ${n}`);
  return [
    `seed ${seed}: ${partitions.length} partitions (${shape}, ${source}${encrypted ? ', encrypted' : ''}), ${executions.length} executions`,
    `kills: runner ${runner}, worker ${worker}, server ${server}, client ${client}`,
    ...(more.length > 0 ? [more.join(', ')] : []),
    ...(missed > 0 ? [`${missed} faults came too late`] : []),
    `${seconds} s`,
    failed.length === 0 ? `${Object.keys(CHECKS).length + 1} checks ok` : `FAILED: ${failed.join(', ')}`,
  ].join('; ');
}

/** The settings and the machine of this run. */
function settings(args: readonly string[]): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  const memory = Math.round(totalmem() / 2 ** 30);
  return [
    `# npm run chaos -- ${args.join(' ')}`,
    `# ${new Date().toISOString()}, Node ${process.version}, ${platform()}, ${cpus().length} x ${model}, ${memory} GiB`,
    `# checks: ${Object.keys(CHECKS).join('; ')}; no runner outlives its worker`,
  ].join('\n');
}

function reportMissing(): void {
  for (const fault of MACHINE_FAULTS) {
    const why = missingFor(fault);
    if (why !== null) console.log(`NOT TESTED: ${fault} (${why})`);
  }
}

/** The scenario without faults that this machine does not support. */
function possible(scenario: Scenario): Scenario {
  const isPossible = (kind: string): boolean => {
    const fault = MACHINE_FAULTS.find((each) => each === kind);
    return fault === undefined || missingFor(fault) === null;
  };
  return { ...scenario, faults: scenario.faults.filter(({ kind }) => isPossible(kind)) };
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', multiple: true },
      seeds: { type: 'string' },
      log: { type: 'string' },
      quiet: { type: 'boolean' },
      machine: { type: 'boolean' },
      parallel: { type: 'string' },
      // Read by scripts/chaos.mjs, which finds the programs.
      cluster: { type: 'boolean' },
      s3: { type: 'boolean' },
    },
  });
  const seeds = (values.seed ?? []).map(Number);
  const range = /^(\d+)-(\d+)$/.exec(values.seeds ?? '');
  if (range !== null) for (let seed = Number(range[1]); seed <= Number(range[2]); seed++) seeds.push(seed);
  const width = Number(values.parallel ?? 1);
  const { s3: isOnS3 = false, machine: isMachine = false } = values;
  const isPossible = !isOnS3 || !isMachine;
  if (seeds.length === 0 || ![...seeds, width].every(Number.isInteger) || width < 1 || !isPossible) {
    console.error(
      'Usage: npm run chaos -- --seed 7 [--seed 8 …] | --seeds 1-50   [--machine | --s3] [--cluster] [--parallel 4] [--log FILE[.gz]] [--quiet]',
    );
    process.exit(2);
  }
  for (const event of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(event, () => void stop());
  const log = new SeedLog(values.log, settings(args), seeds.length);
  const ended = (seed: number, end: SeedEnd): void => {
    if (values.parallel === undefined) console.log(end.line);
    log.add(seed, end.ok, end.line);
    // To the command that runs several at a time.
    process.send?.(end);
  };
  if (isMachine && process.send === undefined) reportMissing();
  // A process has one client for S3, and each seed a store of its own.
  if (values.parallel !== undefined || (isOnS3 && seeds.length > 1)) {
    const flags = (['machine', 'cluster', 's3', 'quiet'] as const).flatMap((name) =>
      values[name] ? [`--${name}`] : [],
    );
    await inProcesses(seeds, width, flags, ended);
  } else
    for (const seed of seeds) {
      const drawn = withExtras(isMachine ? machineScenarioOf(seed) : scenarioOf(seed));
      const scenario = isOnS3 ? withStoreFaults(drawn) : drawn;
      const say = (text: string): void => {
        if (values.quiet !== true || / FAILED | kept in /.test(text)) console.log(text);
      };
      ended(seed, await runSeed(seed, possible(scenario), say));
    }
  if (seeds.length > 1) console.log(log.verdict);
  process.exit(log.allOk ? 0 : 1);
}
