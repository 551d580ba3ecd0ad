/** The process of the embedded Temporal server: a new one, or one taken over from a killed host. */
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync } from 'node:fs';
import { devNull } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { lastWords, logSize, openLog } from '../log-file';
import { LOOPBACK, accepts, freePort, isFree } from '../ports';
import { errorText } from '../problems';
import { isAlive } from '../../files/is-alive';
import { commandLine, endProcess, gone } from '../processes';
import { makeStateFolder, readJson, writeJson, type StateFolder } from '../state-folder';
import type { Running } from './supervisor';
import type { UiPlace } from './ui';
import type { TemporalBinary } from '../binary/types';

/** Closed runs stay readable for 90 days; the server's own default is one day. */
const RETENTION = '2160h';
const READY_WITHIN_MS = 60_000;
const ANSWERS_WITHIN_MS = 10_000;
const ENDS_WITHIN_MS = 10_000;
/** The port of a server that was just killed becomes free again after a moment. */
const PORT_TIMEOUT_MS = 2_000;
const POLL_MS = 25;
/**
 * The server also opens an HTTP API on a separate port, which would accept a POST from any web page that the
 * user has open. It responds only to requests whose Host is in this list.
 */
const HTTP_HOSTS = 'frontend.httpAllowedHosts';

/** Content of `server.json`: the server last started for this project. */
interface ServerRecord {
  pid: number;
  port: number;
  binary: TemporalBinary;
}

export interface ServerOptions {
  folder: StateFolder;
  binary: TemporalBinary;
  namespace: string;
  /** Where to serve Temporal's web UI. Default: nowhere. */
  ui?: UiPlace;
}

export interface RunningServer extends Running {
  readonly address: string;
  readonly pid: number | null;
  /** False for a server that an earlier host started. */
  readonly started: boolean;
  readonly binary: TemporalBinary;
}

/**
 * Starts a server on the project's database: on the wanted port if it becomes free in time, otherwise on any
 * free port.
 */
export async function startServer(options: ServerOptions, wanted: number | null): Promise<RunningServer> {
  const { folder, binary } = options;
  makeStateFolder(folder);
  const port = await choosePort(wanted);
  const log = openLog(folder.serverLog);
  const logStart = logSize(folder.serverLog);
  // The database contains inputs, keys and previews of results, so only its owner may read it, wherever the
  // folder is copied to.
  const umask = process.umask(0o077);
  const child = spawn(binary.path, serverArguments(options, port), {
    // In its own process group: Ctrl-C in a terminal reaches the host, which ends the server last.
    detached: true,
    stdio: ['ignore', log, log],
    env: serverEnvironment(),
  });
  process.umask(umask);
  closeSync(log);
  if (child.pid !== undefined)
    writeJson(folder.serverFile, { pid: child.pid, port, binary } satisfies ServerRecord);

  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`"${binary.path}" cannot be run: ${error.message}`));
    child.once('exit', (code, signal) => resolve(`the Temporal server exited (${signal ?? `code ${code}`})`));
  });
  const over = new AbortController();
  void ended.then(() => over.abort());
  const failed = ended.then((reason): never => {
    const reasonInLog = lastWords(folder.serverLog, logStart);
    throw new Error(reasonInLog === '' ? reason : `${reason}: ${reasonInLog}`);
  });
  const ready = Promise.race([untilReady(options, port, over.signal), failed]);
  ready.catch(() => {});
  failed.catch(() => {});
  return {
    address: `${LOOPBACK}:${port}`,
    pid: child.pid ?? null,
    started: true,
    binary,
    ready,
    ended,
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
      await ended;
      clearTimeout(force);
    },
  };
}

/**
 * Takes over a server of this project that outlived its host; null if there is none. Ends a server that does
 * not respond, since two servers would corrupt the database, and one of an earlier build that web pages can
 * reach.
 */
export async function takeOverServer(options: ServerOptions): Promise<RunningServer | null> {
  const record = leftoverServer(options.folder);
  if (record === null) return null;
  const { pid, port, binary } = record;
  const answers = await untilReady(options, port, AbortSignal.timeout(ANSWERS_WITHIN_MS)).then(
    () => true,
    () => false,
  );
  if (!answers || !commandLine(pid).includes(HTTP_HOSTS)) {
    await endProcess(pid, ENDS_WITHIN_MS);
    return null;
  }
  const watching = new AbortController();
  const ended = gone(pid, Infinity, watching.signal).then(() => 'the Temporal server exited');
  return {
    address: `${LOOPBACK}:${port}`,
    pid,
    started: false,
    binary,
    ready: Promise.resolve(),
    ended,
    end: async () => {
      await endProcess(pid, ENDS_WITHIN_MS);
      watching.abort();
      await ended;
    },
  };
}

/** Ends a server that outlived its host. */
export async function endLeftoverServer(folder: StateFolder): Promise<void> {
  const record = leftoverServer(folder);
  if (record !== null) await endProcess(record.pid, ENDS_WITHIN_MS);
}

/** The last port of the project's server. */
export function lastPort(folder: StateFolder): number | null {
  return readJson<ServerRecord>(folder.serverFile)?.port ?? null;
}

function leftoverServer(folder: StateFolder): ServerRecord | null {
  const record = readJson<ServerRecord>(folder.serverFile);
  if (record === null || !isAlive(record.pid)) return null;
  // Another process may have the same pid by now.
  const command = commandLine(record.pid);
  return command.includes(folder.database) && command.includes(`--port ${record.port} `) ? record : null;
}

function serverArguments({ folder, namespace, ui }: ServerOptions, port: number): string[] {
  const options: [string, string][] = [
    ['ip', LOOPBACK],
    ['port', String(port)],
    ['db-filename', folder.database],
    // Two to three times the throughput of the default journal.
    ['sqlite-pragma', 'journal_mode=wal'],
    ['sqlite-pragma', 'synchronous=normal'],
    // With few workers, a task in a queue partition without a poller waits to be forwarded.
    ['dynamic-config-value', 'matching.numTaskqueueReadPartitions=1'],
    ['dynamic-config-value', 'matching.numTaskqueueWritePartitions=1'],
    // This server is a single shard. The default of 20 polls per second of a shard's task queue delays each
    // task by 40 ms after the first few dozen.
    ['dynamic-config-value', 'history.transferProcessorMaxPollRPS=2000'],
    // No request can have this Host: names under .invalid never resolve, and a page cannot choose its Host.
    ['dynamic-config-value', `${HTTP_HOSTS}=["${randomUUID()}.invalid"]`],
    ['namespace', namespace],
    ['log-level', 'error'],
  ];
  if (ui !== undefined)
    options.push(['ui-ip', ui.ip], ['ui-port', String(ui.port)], ['ui-public-path', ui.path]);
  if (ui?.codecEndpoint != null) options.push(['ui-codec-endpoint', ui.codecEndpoint]);
  const withUi = ui === undefined ? '--headless' : '--ui-disable-news-fetch';
  return ['server', 'start-dev', withUi, ...options.flatMap(([name, value]) => [`--${name}`, value])];
}

/** The user's Temporal profile and environment must not affect the project's own server. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(inherited), TEMPORAL_CONFIG_FILE: devNull };
}

/** Setting the retention is the first request, so it also checks that the server is up. */
async function untilReady(options: ServerOptions, port: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  const args = [
    'operator',
    'namespace',
    'update',
    '--namespace',
    options.namespace,
    '--retention',
    RETENTION,
  ];
  for (;;) {
    signal.throwIfAborted();
    try {
      if (await accepts(port)) {
        const environment = { env: serverEnvironment(), signal, timeout: ANSWERS_WITHIN_MS };
        await promisify(execFile)(
          options.binary.path,
          [...args, '--address', `${LOOPBACK}:${port}`],
          environment,
        );
        return;
      }
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`the Temporal server does not respond: ${errorText(error)}`);
    }
    if (Date.now() > deadline) throw new Error(`the Temporal server is not listening on port ${port}`);
    await delay(POLL_MS);
  }
}

async function choosePort(wanted: number | null): Promise<number> {
  if (wanted === null) return freePort();
  const deadline = Date.now() + PORT_TIMEOUT_MS;
  while (!(await isFree(wanted))) {
    if (Date.now() > deadline) return freePort();
    await delay(POLL_MS);
  }
  return wanted;
}
