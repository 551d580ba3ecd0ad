/** Another program that has a warehouse file open and locked. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { REPOSITORY } from './project';

/**
 * Resolves once the file is locked; the lock ends with the process. Rejects if another program has it.
 * `read`: others may read it too, but not write.
 */
export async function holdWarehouse(path: string, how: 'write' | 'read' = 'write'): Promise<ChildProcess> {
  const program = `const { DuckDBInstance } = require('@duckdb/node-api');
    DuckDBInstance.create(${JSON.stringify(path)}, ${how === 'read' ? "{ access_mode: 'READ_ONLY' }" : '{}'}).then(
      (held) => {
        process.send(null);
        process.on('message', () => held.closeSync());
      },
      (error) => process.send(error.message, () => process.exit(1)),
    );`;
  const holder = spawn(process.execPath, ['-e', program], {
    cwd: REPOSITORY,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [problem] = (await once(holder, 'message')) as [string | null];
  if (problem !== null) throw new Error(problem);
  return holder;
}
