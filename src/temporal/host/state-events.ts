/**
 * Derives events from two states of a host. The host writes them to its log or terminal, a command shows them
 * to the user.
 */
import type { TemporalEvent } from '../events';
import type { HostState } from './protocol';

export function eventsBetween(before: HostState | null, after: HostState): TemporalEvent[] {
  const events: TemporalEvent[] = [];
  const { server, worker, address } = after;
  if (changed(before?.server, server)) {
    if (server.status === 'ready' && address !== null) {
      const message = server.takenUp
        ? `Took over the running server at ${address}.`
        : `The Temporal server is ready at ${address}.`;
      events.push({ type: 'serverReady', address, takenUp: server.takenUp, message });
    }
    if (server.status === 'restarting' && server.error !== null) {
      events.push({ type: 'serverLost', message: `Restarting the Temporal server: ${server.error}.` });
    }
    if (server.status === 'stopped') {
      events.push({
        type: 'serverStopped',
        message: `The Temporal server cannot be started: ${server.error}`,
      });
    }
  }
  if (changed(before?.worker, worker)) {
    if (worker.status === 'ready') events.push({ type: 'workerReady', message: 'The worker is ready.' });
    if (worker.status === 'restarting' && worker.error !== null) {
      events.push({ type: 'workerLost', message: `Restarting the worker: ${worker.error}.` });
    }
    if (worker.status === 'stopped') {
      events.push({ type: 'workerStopped', message: `The worker cannot be started: ${worker.error}` });
    }
  }
  return events;
}

function changed(before: HostState['worker'] | undefined, after: HostState['worker']): boolean {
  return before?.status !== after.status || before.error !== after.error || before.pid !== after.pid;
}
