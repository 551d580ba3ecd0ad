/** `partwise dev`: the same host in the foreground. */
import { findTemporalBinary } from '../binary/binary';
import type { OnTemporalEvent } from '../events';
import { Host } from './host';
import { connectHost } from './connection';
import { endHost, planHost, type EmbeddedOptions } from './launch';
import { lockFolder } from '../lock';
import { TemporalUnavailable } from '../problems';
import { makeStateFolder } from '../state-folder';

/**
 * Keeps server and worker up until SIGINT, SIGTERM or `signal`; resolves once both are gone. Takes Temporal's
 * own port 7233 when that is free; the event `serverReady` has the address. `open`: runs need no proof of the
 * project's owner. A background host of the project hands over.
 */
export async function runHostInForeground(options: EmbeddedOptions & { open?: boolean }): Promise<void> {
  const onEvent: OnTemporalEvent = options.onEvent ?? (() => {});
  const plan = planHost(options);
  const { folder, signal } = { ...plan, signal: options.signal };
  makeStateFolder(folder);
  const binary = await findTemporalBinary({ ...options, configured: options.settings.binary, env: plan.env });
  const release = await lockFolder(folder.path, folder.lock, signal);
  let host: Host;
  try {
    const running = await connectHost(folder, { attach: false });
    if (running?.state.foreground) {
      const { pid, address } = running.state;
      running.close();
      throw new TemporalUnavailable(
        `\`partwise dev\` runs already for this project, as process ${pid}${address === null ? '' : `, with its server at ${address}`}. Use that one, or end it first.`,
      );
    }
    if (running !== null) {
      await endHost(running);
      onEvent({ type: 'hostReplaced', message: 'The background process of this project has handed over.' });
    }
    host = await Host.start({ ...plan, binary, idleMs: null, open: options.open ?? false, onEvent });
  } finally {
    await release();
  }

  let asked = false;
  const end = (): void => {
    // A second Ctrl-C is impatience.
    if (asked) host.hurry();
    asked = true;
    void host.end('you asked for it');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, end);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  await host.ended;
  for (const name of signals) process.off(name, end);
  signal?.removeEventListener('abort', end);
}
