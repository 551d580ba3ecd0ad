import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { Connections } from '../connections';
import { loadProject } from '../connect';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { withHistory, withProject, type ProjectFlags } from '../options';
import { aside, paint, print } from '../terminal';
import { packageVersion } from '../../files/package-version';
import type { ProjectConfig } from '../../config';
import type { Backend } from '../../console';
import type { Project } from '../..';

interface ConsoleFlags extends ProjectFlags {
  history?: string;
  stage?: string;
  port?: number;
  readOnly?: boolean;
}

const NOTES = `Serves a page on this machine (127.0.0.1) until Ctrl-C. The address that it prints contains a token
that gives access to the project's runs: do not pass it on. While it runs, the same command in
another terminal prints its address.`;

export function define(command: Command): void {
  withExamples(
    command,
    ['console', 'console --read-only --port 8080', 'console --stage s3://lake/partwise/'],
    NOTES,
  );
  withProject(
    withHistory(command)
      .option('--stage <uri>', 'show the archived runs of a stage, without a server')
      .option('--port <n>', "port (default: one of the project's own)", port)
      .option('--read-only', 'show runs only: the page has no actions'),
  ).action(serve);
}

async function serve(options: ConsoleFlags): Promise<void> {
  const config = await loadProject(options);
  const { port: exactPort, ...flags } = options;
  const { Project }: typeof import('../..') = require('../..');
  const isProject = options.history === undefined && options.stage === undefined;
  const project = isProject ? await Project.open({ config }) : null;
  const found = (await project?.findConsole(flags)) ?? null;
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
  const running = await serveConsole(backend, {
    version: packageVersion(),
    port: exactPort ?? usualPort(config.projectDir),
    exactPort: exactPort !== undefined,
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    throw new CannotDo(
      `Port ${exactPort} is taken. Choose another one, or leave out --port to use a free one.`,
    );
  });
  // Of two consoles of a project, the first stays the one that is found.
  const forget = found === null ? project?.recordConsole(running.url, flags) : undefined;
  print(`The console is at ${paint.bold(running.url)}`);
  aside('Ctrl-C ends it; runs continue.');
  await new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  forget?.();
  await running.close();
  await connections.close();
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
    source: () => Promise.resolve(runs.stage),
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

function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536) return Number(text);
  throw new InvalidArgumentError('Give a port from 1 to 65535.');
}
