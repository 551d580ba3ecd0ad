/**
 * The host: a lightweight process, one per project, that owns the embedded server and the worker, restarts
 * either when it exits, and ends everything when it is unused. It never loads Temporal's SDK.
 *
 * 1. A host ends on its own only when no command was attached and no run was open for `idleMs`.
 * 2. It ends under the project's lock, so that no command starts another host while the server is shutting
 *   down; a command that asks it to end holds the lock itself.
 * 3. `host.json` names the one host of the project. A host that finds another host there abandons the server,
 *   which the other one has taken over.
 */
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { rmSync } from 'node:fs';
import { packageVersion } from '../../files/package-version';
import type { OnTemporalEvent } from '../events';
import { HostListener } from './listener';
import type { HostRecord, HostState } from './protocol';
import { tryLockFolder } from '../lock';
import { boundLog } from '../log-file';
import { endLeftoverServer, lastPort, startServer, takeOverServer, type RunningServer } from './server';
import { readJson, writeJson, type StateFolder } from '../state-folder';
import { eventsBetween } from './state-events';
import { ensureSecret } from '../../trust/secret';
import { Supervisor, type Running } from './supervisor';
import { environmentDigests, type EnvironmentDigests } from './worker-environment';
import { startWorker, type RunningWorker } from './worker-process';
import type { UiPlace } from './ui';
import type { TemporalBinary } from '../binary/types';

const HOUSEKEEPING_MS = 5_000;
const LOCK_RETRY_MS = 1_000;
/** Temporal's default port. Only `partwise dev` uses it, never a background process. */
const TEMPORAL_PORT = 7233;

export interface HostOptions {
  folder: StateFolder;
  binary: TemporalBinary;
  namespace: string;
  taskQueue: string;
  fingerprint: string;
  workerEntry: string;
  /** Accept runs without a proof of the project's owner. */
  open: boolean;
  /** Where the server is to serve Temporal's web UI. Default: nowhere. */
  ui?: UiPlace;
  /** Null for a host in a terminal, which never ends when idle. */
  idleMs: number | null;
  env: NodeJS.ProcessEnv;
  onEvent: OnTemporalEvent;
}

export class Host {
  /** Resolves once server and worker have ended. */
  readonly ended: Promise<void>;

  private readonly changes = new EventEmitter();
  private readonly server = new Supervisor(
    (signal) => this.startServer(signal),
    () => this.serverChanged(),
  );
  private readonly worker = new Supervisor(
    (signal) => this.startWorker(signal),
    () => this.workerChanged(),
  );
  private readonly listener: HostListener;
  private readonly environment: EnvironmentDigests;
  private readonly token = randomBytes(32).toString('hex');
  private currentServer: RunningServer | null = null;
  /** `address` is null until it was told to serve. */
  private currentWorker: (RunningWorker & { address: string | null }) | null = null;
  private serverRun: Promise<void> | null = null;
  private workerRun: Promise<void> | null = null;
  private openRuns: number | null = null;
  private reported: HostState | null = null;
  private idleTimer: NodeJS.Timeout | null = null;
  private housekeeping: NodeJS.Timeout | null = null;
  private ending: Promise<void> | null = null;
  private markEnded!: () => void;

  /** Resolves once commands can connect, while server and worker are still starting. */
  static async start(options: HostOptions): Promise<Host> {
    ensureSecret(options.folder.path);
    const host = new Host(options);
    const port = await host.listener.listen();
    const record: HostRecord = {
      projectDir: options.folder.projectDir,
      port,
      token: host.token,
      pid: process.pid,
      partwiseVersion: packageVersion(),
      startedAt: new Date().toISOString(),
    };
    writeJson(options.folder.hostFile, record);
    host.supervise();
    return host;
  }

  private constructor(private readonly options: HostOptions) {
    this.environment = environmentDigests(options.env);
    this.ended = new Promise((resolve) => (this.markEnded = resolve));
    this.changes.setMaxListeners(0);
    this.listener = new HostListener({
      token: this.token,
      state: () => this.state,
      onAttached: (change) => {
        if (change === 'came') {
          this.server.retry();
          this.worker.retry();
        }
        this.changed();
      },
      onRequest: () => void this.end('another Partwise command is taking over'),
    });
  }

  get state(): HostState {
    const { fingerprint, namespace, taskQueue, idleMs, binary } = this.options;
    return {
      pid: process.pid,
      foreground: idleMs === null,
      fingerprint,
      environment: this.environment,
      namespace,
      taskQueue,
      address: this.currentServer?.address ?? null,
      server: {
        status: this.server.status,
        error: this.server.error,
        pid: this.currentServer?.pid ?? null,
        binary: this.currentServer?.binary ?? binary,
        takenUp: this.currentServer?.started === false,
      },
      worker: { status: this.worker.status, error: this.worker.error, pid: this.currentWorker?.pid ?? null },
      attached: this.listener.attached,
      openRuns: this.openRuns,
    };
  }

  /** Drains the worker, ends the server, and disconnects commands. */
  end(reason: string): Promise<void> {
    this.ending ??= this.endAll(reason);
    return this.ending;
  }

  /** Kills the worker without waiting for running partitions. */
  hurry(): void {
    this.currentWorker?.kill();
  }

  private async endAll(reason: string): Promise<void> {
    this.options.onEvent({ type: 'hostEnding', reason, message: `Stopping server and worker: ${reason}.` });
    if (this.idleTimer !== null) clearTimeout(this.idleTimer);
    if (this.housekeeping !== null) clearInterval(this.housekeeping);
    this.listener.stopListening();
    if (this.isNamed()) rmSync(this.options.folder.hostFile, { force: true });
    this.worker.end();
    await this.workerRun;
    this.server.end();
    await this.serverRun;
    this.listener.close();
    this.markEnded();
  }

  private supervise(): void {
    this.serverRun = this.server.run();
    this.workerRun = this.worker.run();
    this.housekeeping = setInterval(() => this.keepHouse(), HOUSEKEEPING_MS);
    this.considerIdle();
  }

  private async startServer(signal: AbortSignal): Promise<Running> {
    const { folder, idleMs } = this.options;
    const before = this.currentServer;
    let running: RunningServer | null = null;
    if (before === null && idleMs === null) await endLeftoverServer(folder);
    if (before === null && idleMs !== null) running = await takeOverServer(this.options);
    running ??= await startServer(this.options, before === null ? this.firstPort() : portOf(before.address));
    if (signal.aborted) await running.end();
    this.currentServer = running;
    return running;
  }

  private firstPort(): number | null {
    if (this.options.idleMs === null) return TEMPORAL_PORT;
    const port = lastPort(this.options.folder);
    return port === TEMPORAL_PORT ? null : port;
  }

  /** The worker loads its code while the server is starting. */
  private startWorker(signal: AbortSignal): Promise<Running> {
    const { folder, namespace, taskQueue, workerEntry, env, open } = this.options;
    const running = startWorker({
      folder,
      entry: workerEntry,
      env,
      environment: { namespace, taskQueue, projectDir: folder.projectDir, open },
      isServerUp: () => this.server.status === 'ready',
      onOpenRuns: (runs) => {
        this.openRuns = runs;
        this.changed();
      },
    });
    const worker = { ...running, address: null };
    this.currentWorker = worker;
    void this.serveOnceReady(worker, signal);
    return Promise.resolve(running);
  }

  private async serveOnceReady(
    worker: NonNullable<typeof this.currentWorker>,
    signal: AbortSignal,
  ): Promise<void> {
    const over = new AbortController();
    void worker.ended.then(() => over.abort());
    const either = AbortSignal.any([signal, over.signal]);
    try {
      while (this.server.status !== 'ready') await once(this.changes, 'server', { signal: either });
    } catch {
      return;
    }
    worker.address = this.currentServer!.address;
    worker.serve(worker.address);
  }

  private serverChanged(): void {
    this.changes.emit('server');
    const served = this.currentWorker?.address ?? null;
    const moved = served !== null && served !== this.currentServer?.address;
    if (this.server.status === 'ready' && moved) void this.worker.restart();
    this.changed();
  }

  private workerChanged(): void {
    if (this.worker.status === 'stopped') this.openRuns = null;
    this.changed();
  }

  private changed(): void {
    const { state } = this;
    for (const event of eventsBetween(this.reported, state)) this.options.onEvent(event);
    this.reported = state;
    this.listener.announce();
    this.considerIdle();
  }

  private considerIdle(): void {
    const { idleMs } = this.options;
    if (idleMs === null || this.ending !== null) return;
    if (!this.isIdle()) {
      if (this.idleTimer !== null) clearTimeout(this.idleTimer);
      this.idleTimer = null;
    } else {
      this.idleTimer ??= setTimeout(() => void this.endIdle(), idleMs);
    }
  }

  private isIdle(): boolean {
    return this.listener.attached === 0 && (this.openRuns ?? 0) === 0;
  }

  private async endIdle(): Promise<void> {
    const { folder, idleMs } = this.options;
    const release = await tryLockFolder(folder.path, folder.lock).catch(() => null);
    if (release === null) {
      // A command is about to connect, or the folder was removed, which housekeeping will detect.
      this.idleTimer = setTimeout(() => void this.endIdle(), LOCK_RETRY_MS);
      return;
    }
    if (this.isIdle()) await this.end(`idle for ${Math.round((idleMs ?? 0) / 1000)} s`);
    else this.idleTimer = null;
    await release();
  }

  private keepHouse(): void {
    const { folder } = this.options;
    for (const log of [folder.hostLog, folder.serverLog, folder.workerLog]) boundLog(log);
    if (this.isNamed()) return;
    if (readJson<HostRecord>(folder.hostFile) !== null) this.server.abandon();
    void this.end('the state folder no longer names this process');
  }

  private isNamed(): boolean {
    return readJson<HostRecord>(this.options.folder.hostFile)?.token === this.token;
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
