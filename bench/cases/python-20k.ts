import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from '../world';
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
    for (const name of FUNCTIONS) seconds[name] = await run(world, name);
    const loop = execFileSync(
      process.env['BENCH_PYTHON']!,
      ['pandas_loop.py', join(world.folder, 'rows.parquet'), join(world.folder, 'out.parquet')],
      { cwd: world.project, encoding: 'utf8' },
    );
    const { seconds: looped } = JSON.parse(loop) as { seconds: number };
    return { ratio: seconds['pandas']! / looped, details: { loop: looped, ...seconds } };
  },
};

async function run(world: World, name: string, where?: string): Promise<number> {
  const input = { ...byCustomer, function: name, ...(where !== undefined && { where }) };
  return (await world.run(input)).seconds;
}
