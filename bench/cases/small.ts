/** How long somebody waits for a run of four partitions. */
import { join } from 'node:path';
import { cli } from '../../test/support/cli';
import { quantile } from '../quantile';
import { linkPackage, type World } from '../world';
import { timed, type Case } from './case';

const RUNS = 20;
/** Projects that are created for the commands. */
const PROJECTS = 5;
const WARM_MS = 100;
/** Seconds that a command may take. */
const COMMAND_BARS = { cold: 1.5, fresh: 3 } as const;
const RUN = ['run', 'salesByRegion', '--from', 'sales.csv', '--by', 'region'];

export const small: Case = {
  name: 'small',
  work: 'four partitions: by a program with a warm worker, and by the command line in a used and in a fresh project',
  ratio: `time allowed for the program (${WARM_MS} ms), by the median of ${RUNS} runs`,
  target: { atMost: 1 },
  async prepare(world) {
    await world.execute('CREATE TABLE sales AS SELECT i % 4 AS k, i AS amount FROM range(80) t(i)');
    await world.startWorker();
    for (let i = 0; i < 5; i++) await runSmall(world);
  },
  async measure(world) {
    const warm = await measureProgram(world);
    const { init, ...commands } = await measureCommands(world);
    return {
      ratio: warm.ms / WARM_MS,
      details: { ...warm, init, ...commands },
      missed: (['cold', 'fresh'] as const)
        .filter((name) => commands[name] > COMMAND_BARS[name])
        .map(
          (name) =>
            `a ${name} partwise run takes ${commands[name].toFixed(2)} s, and may take ${COMMAND_BARS[name]}`,
        ),
    };
  },
};

/** Milliseconds that runs one after the other take, and those of CPU that one uses. */
async function measureProgram(world: World): Promise<Record<string, number> & { ms: number }> {
  const before = world.used();
  const clientBefore = process.cpuUsage();
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) times.push((await runSmall(world)) * 1_000);
  const after = world.used();
  const client = process.cpuUsage(clientBefore);
  const perRun = (seconds: number): number => (seconds * 1_000) / RUNS;
  return {
    ms: median(times),
    'slowest ms': Math.max(...times),
    'CPU ms of worker': perRun(after.worker - before.worker),
    'of runners': perRun(after.runners - before.runners),
    'of server': perRun(after.server - before.server),
    'of client': perRun((client.user + client.system) / 1e6),
  };
}

async function runSmall(world: World): Promise<number> {
  return (await world.run({ function: 'summary', source: { table: 'sales' }, partitionBy: ['k'] })).seconds;
}

/**
 * Medians of the seconds that commands take: `partwise init` in an empty folder, the first run there, which
 * starts a Temporal server and a worker, and the same after both were stopped.
 */
async function measureCommands(world: World): Promise<Record<'init' | 'fresh' | 'cold', number>> {
  const times = { init: [] as number[], fresh: [] as number[], cold: [] as number[] };
  for (let i = 0; i < PROJECTS; i++) {
    const folder = join(world.folder, `fresh-${i}-${process.hrtime.bigint()}`);
    linkPackage(folder);
    const command = (...args: string[]): Promise<number> => timed(() => succeed(folder, args));
    times.init.push(await command('init'));
    try {
      times.fresh.push(await command(...RUN));
      await command('stop');
      times.cold.push(await command(...RUN));
    } finally {
      await command('stop');
    }
  }
  return { init: median(times.init), fresh: median(times.fresh), cold: median(times.cold) };
}

async function succeed(folder: string, args: string[]): Promise<void> {
  const { code, stderr } = await cli(folder, args);
  if (code !== 0) throw new Error(`partwise ${args.join(' ')} exited with ${code}: ${stderr}`);
}

const median = (values: readonly number[]): number => quantile(values, 0.5);
