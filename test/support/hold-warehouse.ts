/** Another program that has a warehouse file open, and so locked. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { REPOSITORY } from './project';

/** Resolves once the file is locked; the lock goes with the process. */
export async function holdWarehouse(path: string): Promise<ChildProcess> {
  const program = `const { DuckDBInstance } = require('@duckdb/node-api');
    DuckDBInstance.create(${JSON.stringify(path)}).then((held) => {
      process.send('held');
      process.on('message', () => held.closeSync());
    });`;
  const holder = spawn(process.execPath, ['-e', program], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(holder, 'message');
  return holder;
}
