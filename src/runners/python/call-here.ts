/**
 * Calls a unit's function in a process that has this one's terminal, so that pdb and `breakpoint()` work in
 * it. No limits apply.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Refusal } from '../../core/refusal';
import { Channel } from '../channel';
import { runnerEnvironment } from '../environment';
import type { CalledHere, CallHereOptions } from '../language';
import { LocalCall } from '../local-call';
import type { Asked, FromRunner } from '../protocol';
import { accessOf } from '../runner-unit';
import { encodeValue } from '../tagged-values';
import { PYTHON_FOLDER } from './interpreter';

const ENTRY = join(PYTHON_FOLDER, 'partwise', '_runner', 'debug.py');

/** Rejects if the function could not be called. */
export async function callHere(options: CallHereOptions): Promise<CalledHere> {
  const call = new LocalCall(options);
  let failed: Error | null = null;
  const child = spawn(
    options.unit.function.python ?? options.project.python ?? 'python3',
    ['-X', 'utf8', ENTRY, ...(options.postMortem === true ? ['--pdb'] : [])],
    {
      // Not detached: only the terminal's own process group may read from it. What the function prints goes
      // to stderr, so that the report alone is on stdout.
      stdio: ['inherit', 2, 2, 'pipe'],
      cwd: options.project.cwd,
      // debugpy would warn of modules of the interpreter that it cannot stop in.
      env: {
        PYTHONHASHSEED: '0',
        PYDEVD_DISABLE_FILE_VALIDATION: '1',
        ...runnerEnvironment(process.env, options.passEnv ?? []),
      },
    },
  );
  const receive = (message: FromRunner): void => {
    switch (message.type) {
      case 'segment':
        return call.send(message);
      case 'unitFailed':
        failed = new Refusal('InvalidInput', [message.error.message]);
        return;
      case 'upload':
      case 'download':
      case 'model':
      case 'query':
      case 'rows':
        return void answer(message.id, message);
    }
  };
  const answer = async (id: number, request: Asked): Promise<void> => {
    try {
      const value = await call.ask(request);
      channel.send({ type: 'reply', id, value: request.type === 'query' ? encoded(value) : value });
    } catch (error) {
      const { name: type, message, nonRetryable = false } = error as Error & { nonRetryable?: boolean };
      channel.send({ type: 'reply', id, error: { type, message, stack: null, nonRetryable } });
    }
  };
  const channel = new Channel(child.stdio[3] as Socket, {
    onMessage: (message) => receive(message as FromRunner),
    onBroken: () => child.kill('SIGKILL'),
  });
  channel.send({ type: 'unit', unit: { ...options.unit, ...accessOf(options.access) } });
  // Ctrl-C is for the function, or for its debugger.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    if (failed !== null) throw failed as Error;
    if (call.result !== null) return call.result;
    throw new Refusal('InvalidInput', [
      `The function's process ended (${signal ?? `exit code ${code}`}) before the function did.`,
    ]);
  } finally {
    process.off('SIGINT', ignore);
  }
}

function encoded(value: unknown): unknown {
  const { names, rows } = value as { names: string[]; rows: unknown[][] };
  return { names, rows: rows.map((row) => row.map(encodeValue)) };
}
