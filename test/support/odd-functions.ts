/**
 * Functions that change what all calls of a runner share: its channel to the worker, its output, its process.
 */
import { execSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { definePartitionFunction } from 'partwise';

process.env.SET_WHILE_LOADING = 'kept';

/** As Node provides it to a process started with a channel. */
const { send } = process as { send?: (message: unknown) => void };

/** For a shell in a folder. */
const PRINT_WHEN_TOLD =
  'until [ -e go ]; do sleep 0.02; done; echo from a child of another unit; touch printed';

/** The other end reads more slowly than this writes. */
async function writeAll(fd: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(fd, bytes, at);
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

export const odd = definePartitionFunction({
  name: 'odd',
  async run(_, context) {
    const { does, text } = context.params as { does: Record<string, string>; text?: string };
    switch (does[context.partitionId]) {
      case 'send what it likes':
        for (const message of [null, 'ready', { type: 'log' }, { type: 'segment' }, { type: 'unitDone' }])
          process.send?.(message);
        send?.(null);
        process.disconnect?.();
        break;
      case 'write to the channel':
        await writeAll(3, Buffer.from(text!, 'base64'));
        await new Promise(() => undefined);
        break;
      case 'write to the memory report':
        fs.writeSync(4, 'junk\n{"rss":null}\n{"rss":"x"}\n[]\n-1\n');
        fs.writeSync(4, 'y'.repeat(100_000));
        await new Promise((resolve) => setTimeout(resolve, 200));
        break;
      case 'claim to exit':
        fs.writeSync(4, 'exiting\n'.repeat(1_000));
        process.emit('exit', 0);
        break;
      case 'outlast exit handlers':
        await new Promise((resolve) => setTimeout(resolve, 11_000));
        break;
      case 'close the channel':
        fs.closeSync(3);
        break;
      case 'write to the call record':
        fs.writeSync(5, Buffer.from(new Float64Array([0, NaN, 1, NaN, NaN, NaN, NaN, 0]).buffer), 0, 64, 0);
        process.kill(process.pid, 'SIGKILL');
        await new Promise(() => undefined);
        break;
      case 'replace Date':
        globalThis.Date = class {} as DateConstructor;
        break;
      case 'replace Promise':
        globalThis.Promise = null as unknown as PromiseConstructor;
        break;
      case 'replace a method of maps':
        Map.prototype.get = () => {
          throw new Error('replaced');
        };
        break;
      case 'replace a method of arrays':
        Array.prototype.map = () => {
          throw new TypeError('replaced');
        };
        break;
      case 'remove all listeners':
        process.removeAllListeners();
        break;
      case 'block once it has ended':
        setTimeout(() => {
          for (;;);
        }, 0);
        break;
      case 'die once it has ended, the first time':
        if (context.attempt === 1) setImmediate(() => process.kill(process.pid, 'SIGKILL'));
        break;
      case 'block a little later':
        setTimeout(() => {
          for (;;);
        }, 500);
        break;
      case 'change the process':
        process.chdir('/');
        delete process.env.PATH;
        process.env.LEFT_BEHIND = 'x';
        process.umask(0o777);
        process.exitCode = 7;
        break;
      case 'remove the working directory': {
        const folder = fs.mkdtempSync(join(tmpdir(), 'partwise-cwd-'));
        process.chdir(folder);
        fs.rmdirSync(folder);
        return { left: 'x' };
      }
      case 'throw from a timer':
        setTimeout(() => {
          throw new Error('nobody catches this');
        }, 10);
        await new Promise(() => undefined);
        break;
      case 'replace the environment':
        process.env = { LEFT_BEHIND: 'x' };
        break;
      case 'print without a line feed':
        execSync(`head -c ${text} /dev/zero | tr '\\0' z`, { stdio: 'inherit' });
        break;
      case 'print for ever':
        fs.writeSync(1, 'the first words\n');
        execSync('yes', { stdio: 'inherit' });
        break;
      case 'print and die':
        fs.writeSync(1, 'about to');
        fs.writeSync(2, 'die\nnow');
        process.kill(process.pid, 'SIGKILL');
        await new Promise(() => undefined);
        break;
      case 'print and take a while':
        console.log('it takes a while');
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        break;
      case 'print and wait':
        fs.writeSync(1, 'it waits\n');
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
        break;
      case 'leave a child that prints':
        spawn('sh', ['-c', PRINT_WHEN_TOLD], { stdio: 'inherit', cwd: text });
        break;
      case 'print later': {
        const timer = setInterval(() => {
          if (!fs.existsSync(join(text!, 'wait'))) return;
          clearInterval(timer);
          console.log('from a timer of another unit');
          fs.writeFileSync(join(text!, 'timer'), '');
        }, 10);
        break;
      }
      case 'wait for the timer':
        fs.writeFileSync(join(text!, 'wait'), '');
        while (!fs.existsSync(join(text!, 'timer'))) await new Promise((resolve) => setTimeout(resolve, 10));
        break;
      case 'print in every way':
        console.log(`console ${context.partitionId}`);
        process.stdout.write(`write ${context.partitionId}\n`);
        fs.writeSync(1, `raw ${context.partitionId}\n`);
        fs.writeSync(2, `raw error ${context.partitionId}\nunfinished ${context.partitionId}`);
        break;
      case 'empty what was printed':
        execSync('echo emptied > /dev/stderr', { stdio: 'inherit' });
        break;
      case 'print by a child':
        execSync(`echo child ${context.partitionId}; echo child error ${context.partitionId} >&2`, {
          stdio: 'inherit',
        });
        break;
    }
    const { cwd, umask, env } = process;
    return {
      cwd: cwd(),
      umask: umask(),
      exitCode: String(process.exitCode),
      path: env.PATH !== undefined,
      left: env.LEFT_BEHIND ?? null,
      loading: env.SET_WHILE_LOADING ?? null,
      channel: [typeof process.send, typeof process.disconnect, typeof process.channel].join(),
    };
  },
});
