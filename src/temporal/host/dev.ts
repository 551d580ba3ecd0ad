/** `partwise dev`: runs the host in the foreground. */
import { findTemporalBinary } from '../binary/find-binary';
import type { OnTemporalEvent } from '../events';
import { Host } from './host';
import { connectHost } from './connection';
import { endHost, planHost, type EmbeddedOptions } from './launch';
import { lockFolder } from '../lock';
import { TemporalUnavailable } from '../problems';
import { makeStateFolder } from '../state-folder';
import { guardUi, type GuardedUi } from './ui';

/**
 * Runs the server and the worker until SIGINT, SIGTERM or `signal`; resolves once both have stopped. Uses
 * Temporal's default port 7233 if it is free; the event `serverReady` contains the address. With `open`, runs
 * need no proof of the project's owner; with `ui`, Temporal's web UI is served too, and the event `uiReady`
 * contains its URL. Replaces a background host of the project.
 */
export async function runHostInForeground(
  options: EmbeddedOptions & { open?: boolean; ui?: boolean },
): Promise<void> {
  const onEvent: OnTemporalEvent = options.onEvent ?? (() => {});
  const plan = planHost(options);
  const { folder, signal } = { ...plan, signal: options.signal };
  makeStateFolder(folder);
  const binary = await findTemporalBinary({ ...options, configured: options.settings.binary, env: plan.env });
  const release = await lockFolder(folder.path, folder.lock, signal);
  let host: Host;
  let ui: GuardedUi | undefined;
  try {
    const running = await connectHost(folder, { attach: false });
    if (running?.state.foreground) {
      const { pid, address } = running.state;
      running.close();
      throw new TemporalUnavailable(
        `\`partwise dev\` is already running for this project, as process ${pid}${address === null ? '' : `, with its server at ${address}`}. Use that one, or stop it first.`,
      );
    }
    if (running !== null) {
      await endHost(running);
      onEvent({ type: 'hostReplaced', message: 'Stopped the background process of this project.' });
    }
    if (options.ui === true) {
      const { keys, dataConverter } = options.settings;
      ui = await guardUi(keys === undefined || keys.isEmpty ? [] : (dataConverter?.payloadCodecs ?? []));
      onEvent({ type: 'uiReady', url: ui.url, message: `Temporal's web UI is at ${ui.url}` });
    }
    const { open = false } = options;
    host = await Host.start({ ...plan, binary, idleMs: null, open, ui: ui?.place, onEvent });
  } finally {
    await release();
  }

  let asked = false;
  const end = (): void => {
    // A second Ctrl-C skips draining.
    if (asked) host.hurry();
    asked = true;
    void host.end('interrupted');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, end);
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  await host.ended;
  ui?.close();
  for (const name of signals) process.off(name, end);
  signal?.removeEventListener('abort', end);
}
