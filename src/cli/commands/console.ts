import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { Connections } from '../connections';
import { loadProject } from '../connect';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { toPort, withHistory, withProject, type ProjectFlags } from '../options';
import { SEVERAL } from '../repeated';
import { aside, paint, print, untilStopped } from '../terminal';
import { packageVersion } from '../../files/package-version';
import type { ProjectConfig } from '../../config';
import type { Backend } from '../../console';
import type { Project } from '../..';

interface ConsoleFlags extends ProjectFlags {
  history?: string;
  stage?: string;
  port?: number;
  readOnly?: boolean;
  host?: string;
  hostName?: string[];
  basePath?: string;
  authHeader?: string;
  trustProxy?: string[];
}

const NOTES = `Serves a page on this machine (127.0.0.1) until Ctrl-C. The address that it prints contains a token
that gives access to the project's runs: do not pass it on. While it runs, the same command in
another terminal prints its address.

For several people, put a proxy in front of it that authenticates them and names them in a header:
see docs/console.md.`;

const BEHIND_PROXY =
  'console --auth-header X-Forwarded-User --trust-proxy 127.0.0.1 --host-name runs.example.com';

export function define(command: Command): void {
  withExamples(
    command,
    ['console', 'console --read-only --port 8080', 'console --stage s3://lake/partwise/', BEHIND_PROXY],
    NOTES,
  );
  withProject(
    withHistory(command)
      .option('--stage <uri>', 'show the archived runs of a stage, without a server')
      .option('--port <n>', "port (default: one of the project's own)", toPort)
      .option('--read-only', 'show runs only: the page has no actions')
      .option('--auth-header <name>', 'header in which a proxy names its user, in place of the token')
      .option('--trust-proxy <cidr>', 'address or network of that proxy (repeatable)', SEVERAL)
      .option('--host-name <name>', "further name, as the proxy's users see it (repeatable)", SEVERAL)
      .option('--base-path <path>', 'path below which everything is, such as /partwise/')
      .option('--host <address>', 'address to listen at (default: 127.0.0.1)'),
  ).action(serve);
}

async function serve(options: ConsoleFlags): Promise<void> {
  const config = await loadProject(options);
  const { port: exactPort, ...flags } = options;
  const { Project }: typeof import('../..') = require('../..');
  const isProject = options.history === undefined && options.stage === undefined;
  const project = isProject ? await Project.open({ config }) : null;
  const isBehindProxy = options.authHeader !== undefined;
  // A proxy looks for it at one port, and it tells its address to no one else.
  const found = isBehindProxy ? null : ((await project?.findConsole(flags)) ?? null);
  if (found !== null && exactPort === undefined) {
    print(`The console is at ${paint.bold(found)}`);
    aside('It was running already, in another terminal.');
    return;
  }
  const { serveConsole }: typeof import('../../console') = require('../../console');
  const connections = new Connections(() => Promise.resolve(config), aside);
  const backend =
    project === null
      ? await ofFiles(config, options)
      : ofProject(config, project, connections, options.readOnly === true);
  const port = exactPort ?? usualPort(config.projectDir);
  const running = await serveConsole(backend, {
    version: packageVersion(),
    port,
    exactPort: exactPort !== undefined || isBehindProxy,
    access: { ...options, hostNames: options.hostName },
  }).catch((error: NodeJS.ErrnoException) => {
    throw cannotListen(error, port, options) ?? error;
  });
  // Of two consoles of a project, the first stays the one that is found.
  const forget = found === null && !isBehindProxy ? project?.recordConsole(running.url, flags) : undefined;
  print(`The console is at ${paint.bold(running.url)}`);
  if (isBehindProxy) aside('It answers its proxy alone, and only for users whom that names.');
  aside('Ctrl-C ends it; runs continue.');
  await untilStopped();
  forget?.();
  await running.close();
  await connections.close();
}

/** Null for any other error. */
function cannotListen(
  { code }: NodeJS.ErrnoException,
  port: number,
  { host, authHeader }: ConsoleFlags,
): CannotDo | null {
  if (code === 'EADDRINUSE') {
    const free = authHeader === undefined ? ', or leave out --port to use a free one' : ' with --port';
    return new CannotDo(`Port ${port} is taken. Choose another one${free}.`);
  }
  if (code !== 'EADDRNOTAVAIL') return null;
  return new CannotDo(
    `This machine has no address ${host}. Give one that it has, or 0.0.0.0 for all of them.`,
  );
}

/** Runs of a history file or a stage. */
async function ofFiles(config: ProjectConfig, { history, stage }: ConsoleFlags): Promise<Backend> {
  if (history !== undefined && stage !== undefined)
    throw new CannotDo('--history and --stage exclude each other: give one of them.');
  if (history !== undefined) return ofHistory(config, history);
  const { Partwise }: typeof import('../..') = require('../..');
  const runs = await Partwise.fromStage(stage!, { config });
  return {
    name: stage!,
    folder: null,
    source: () => Promise.resolve('stage'),
    read: (work) => work(runs),
    excerpt: null,
    project: null,
    change: null,
  };
}

function ofProject(
  config: ProjectConfig,
  project: Project,
  connections: Connections,
  readOnly: boolean,
): Backend {
  return {
    name: basename(config.projectDir),
    folder: config.projectDir,
    source: () => connections.use({ isRepeatable: true }, async ({ address }) => address),
    read: (work) => connections.use({ isRepeatable: true }, work),
    excerpt: (digest, place) => project.source(digest, place),
    project: {
      read: (work) => connections.use({ isRepeatable: true }, work),
      functions: () => project.functions(),
    },
    change: readOnly ? null : (work) => connections.use({ needsWorker: true }, work),
  };
}

async function ofHistory(config: ProjectConfig, file: string): Promise<Backend> {
  const { Partwise }: typeof import('../..') = require('../..');
  const { ofRun }: typeof import('../../console') = require('../../console');
  return ofRun(await Partwise.fromHistory(file, { config }), file);
}

/** Bookmarks keep working if a project's console has the same port every time. */
function usualPort(projectDir: string): number {
  const [first = 0, second = 0] = createHash('sha256').update(projectDir).digest();
  return 42_000 + ((first * 256 + second) % 2_000);
}
