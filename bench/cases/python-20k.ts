import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleFunctions } from '../../src/runners/functions-file';
import { RunnerPool } from '../../src/runners/pool';
import { python } from '../../src/runners/python/language';
import { processorSeconds, type World } from '../world';
import type { Case } from './case';
import { byCustomer, events } from './events';

const BENCH = join(__dirname, '../../../bench');
const FUNCTIONS = ['noop', 'columns', 'pandas'] as const;

export const python20k: Case = {
  name: 'python-20k',
  work: '20,000 partitions × 20 rows in Python: nothing, count/sum/median of lists, the same in pandas',
  ratio:
    'time of a plain pandas loop in one process (groupby, read and write included), of the run in pandas',
  target: { atMost: 1.6 },
  async prepare(world) {
    const python = process.env['BENCH_PYTHON'];
    if (python === undefined) throw new Error('python-20k needs Python 3.11 or newer, and there is none.');
    for (const name of ['functions.py', 'pandas_loop.py'])
      cpSync(join(BENCH, name), join(world.project, name));
    const file = join(world.project, 'partwise.config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...config, functions: './functions.py', python }));
    await world.execute(
      events(20_000),
      `COPY events TO '${join(world.folder, 'rows.parquet')}' (FORMAT parquet)`,
    );
    await world.startWorker();
    // So that nothing is cold.
    for (const name of FUNCTIONS) await run(world, name, 'id < 400');
  },
  async measure(world) {
    const seconds: Record<string, number> = {};
    const cpu: Record<string, number> = {};
    for (const name of FUNCTIONS) {
      const before = processorSeconds(world.workerPid);
      seconds[name] = await run(world, name);
      cpu[name] = processorSeconds(world.workerPid) - before;
    }
    const loop = execFileSync(
      process.env['BENCH_PYTHON']!,
      ['pandas_loop.py', join(world.folder, 'rows.parquet'), join(world.folder, 'out.parquet')],
      { cwd: world.project, encoding: 'utf8' },
    );
    const looped = JSON.parse(loop) as { seconds: number; cpu: number };
    // Without planning and processes: what the calls take.
    const calls = (cpu['pandas']! - cpu['noop']!) / looped.cpu;
    const details = { loop: looped.seconds, ...seconds, 'CPU of the calls / loop': calls };
    return {
      ratio: seconds['pandas']! / looped.seconds,
      details: { ...details, 'ms to replace a runner': await replaceRunner(world) },
    };
  },
};

/** From the death of a runner to the first word of the next one, whose zygote has imported pandas. */
async function replaceRunner(world: World): Promise<number> {
  const cwd = world.project;
  const project = { cwd, python: process.env['BENCH_PYTHON']! };
  const { digest, path } = await bundleFunctions(join(cwd, 'functions.py'), join(cwd, 'bundles'), project);
  const pool = new RunnerPool({ size: 1, ...project });
  const wanted = { language: python, digest, bundle: path, memoryBytes: 1e9, gpus: 0 };
  const times: number[] = [];
  for (let i = 0; i < 6; i++) {
    const begin = performance.now();
    const runner = await pool.acquire(wanted);
    await new Promise<void>((resolve) => {
      runner.listen({ onMessage: () => resolve() });
      runner.send({ type: 'ping' });
    });
    times.push(performance.now() - begin);
    await runner.kill();
    await pool.release(runner, { reusable: false });
  }
  await pool.close();
  // The first one waits for the zygote.
  return times.slice(1).sort((a, b) => a - b)[2]!;
}

async function run(world: World, name: string, where?: string): Promise<number> {
  const input = { ...byCustomer, function: name, ...(where !== undefined && { where }) };
  return (await world.run(input)).seconds;
}
