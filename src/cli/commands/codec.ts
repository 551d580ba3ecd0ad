import type { Command } from 'commander';
import { loadProject, withoutServer } from '../connect';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { toPort, withProject, type ProjectFlags } from '../options';
import { SEVERAL } from '../repeated';
import { aside, outliveReader, paint, print, untilStopped } from '../terminal';

interface CodecFlags extends ProjectFlags {
  port: number;
  uiOrigin?: string[];
}

/** Next to the port of Temporal's web UI. */
const PORT = 8234;

const NOTES = `Serves Temporal's web UI and CLI on this machine (127.0.0.1) until Ctrl-C, so that they show what
the project has encrypted. The address that it prints contains a secret: whoever has it can read
runs while the command runs. Enter it as "Codec server" in the web UI, whose address --ui-origin
names, or pass it to temporal as --codec-endpoint.

partwise dev --ui needs none: its web UI decodes by itself.`;

export function define(command: Command): void {
  withExamples(command, ['codec', 'codec --ui-origin https://cloud.temporal.io --port 9000'], NOTES);
  withProject(
    command
      .option('--port <n>', `port (default: ${PORT})`, toPort, PORT)
      .option('--ui-origin <url>', 'address of a web UI whose pages may ask (repeatable)', SEVERAL),
  ).action(async ({ port, uiOrigin = [], ...options }: CodecFlags) => {
    // It serves others, whoever reads what it prints.
    outliveReader();
    const config = await loadProject(options);
    const origins = uiOrigin.map(originOf);
    await withoutServer(config, async (project) => {
      const endpoint = await project.serveCodec({ port, origins }).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'EADDRINUSE'
          ? new CannotDo(`Port ${port} is taken. Choose another one with --port.`)
          : error;
      });
      print(`The codec is at ${paint.bold(endpoint.url)}`);
      aside('Ctrl-C ends it.');
      await untilStopped();
      endpoint.close();
    });
  });
}

function originOf(text: string): string {
  try {
    const { origin, protocol } = new URL(text);
    if (/^https?:$/.test(protocol)) return origin;
  } catch {
    // As below.
  }
  throw new CannotDo(
    `--ui-origin is "${text}"; it takes the address of a web UI, such as http://localhost:8233.`,
  );
}
