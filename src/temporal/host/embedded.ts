/** Attaches a command to the embedded server, starting whatever is not running. */
import { eventsBetween } from './state-events';
import { errorText, TemporalUnavailable } from '../problems';
import { attachToHost, type EmbeddedOptions } from './launch';
import type { HostConnection } from './connection';
import type { HostState } from './protocol';

/**
 * Server and worker keep running while a command is attached, then until no run is open and ten minutes have
 * passed.
 */
export interface EmbeddedTemporal {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  close(): void;
}

const READY_WITHIN_MS = 120_000;
/** Number of hosts that may exit while a command waits for them. */
const MAX_LOST_HOSTS = 3;

/** Resolves once the server responds and, unless `needWorker` is false, the project's worker is polling. */
export async function attachEmbedded(options: EmbeddedOptions): Promise<EmbeddedTemporal> {
  let connection = await attachUntilReady(options);
  const { address, namespace, taskQueue } = connection.state;
  let closing = false;
  const report = (state: HostState, before: HostState | null): void => {
    if (before !== null) for (const event of eventsBetween(before, state)) options.onEvent?.(event);
    if (state.address === address || state.address === before?.address || state.address === null) return;
    const message = `The Temporal server of this project restarted at ${state.address}, but this connection is to ${address}: connect again.`;
    options.onEvent?.({ type: 'serverMoved', address: state.address, message });
  };
  const follow = (current: HostConnection): void => {
    current.unref();
    let before = current.state;
    current.onChange = () => {
      report(current.state, before);
      before = current.state;
    };
    void current.closed.then(() => (closing ? undefined : reattach()));
  };
  const reattach = async (): Promise<void> => {
    const message = 'The background process of this project has exited; restarting it …';
    options.onEvent?.({ type: 'hostLost', message });
    try {
      connection = await attachUntilReady(options);
    } catch (error) {
      options.onEvent?.({ type: 'serverStopped', message: errorText(error) });
      return;
    }
    if (closing) return connection.close();
    report(connection.state, null);
    follow(connection);
  };
  follow(connection);
  return {
    address: address!,
    namespace,
    taskQueue,
    close: () => {
      closing = true;
      connection.close();
    },
  };
}

async function attachUntilReady(options: EmbeddedOptions): Promise<HostConnection> {
  for (let lost = 0; lost < MAX_LOST_HOSTS; lost++) {
    const connection = await attachToHost(options);
    try {
      if (await untilReady(connection, options)) return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }
  throw new TemporalUnavailable(
    'The background process of this project kept exiting during startup. ' +
      'See its log, ".partwise/host.log" in the project folder.',
  );
}

/** False if the host has exited. */
async function untilReady(connection: HostConnection, options: EmbeddedOptions): Promise<boolean> {
  const needWorker = options.needWorker ?? true;
  let problem: string | null = null;
  return new Promise<boolean>((resolve, reject) => {
    const timer = setTimeout(() => {
      const { server, worker } = connection.state;
      reject(
        new TemporalUnavailable(
          `The Temporal server (${server.status}) and the worker (${worker.status}) of this project were not ready within ${READY_WITHIN_MS / 1000} s` +
            `${problem === null ? '' : `; the last problem was: ${problem}`}. Logs are in ".partwise/" of the project folder.`,
        ),
      );
    }, READY_WITHIN_MS);
    const aborted = (): void => reject(options.signal?.reason);
    options.signal?.addEventListener('abort', aborted, { once: true });
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', aborted);
      connection.onChange = null;
      act();
    };
    const check = (): void => {
      const { server, worker } = connection.state;
      problem = server.error ?? worker.error ?? problem;
      const failure = stopped(connection.state, needWorker);
      if (failure !== null) settle(() => reject(new TemporalUnavailable(failure)));
      else if (isReady(connection.state, needWorker)) settle(() => resolve(true));
    };
    connection.onChange = check;
    void connection.closed.then(() => settle(() => resolve(false)));
    check();
  });
}

function isReady({ server, worker }: HostState, needWorker: boolean): boolean {
  return server.status === 'ready' && (!needWorker || worker.status === 'ready');
}

function stopped({ server, worker }: HostState, needWorker: boolean): string | null {
  if (server.status === 'stopped') return `The embedded Temporal server cannot start: ${server.error}`;
  if (needWorker && worker.status === 'stopped')
    return `The worker of this project cannot start: ${worker.error}`;
  return null;
}
