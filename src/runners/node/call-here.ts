/**
 * Calls a unit's function in this process, with the runners' loop, for debuggers and for trying out a
 * function. No limits apply, and `process.exit` ends this process.
 */
import type { CalledHere, CallHereOptions } from '../language';
import { LocalCall } from '../local-call';
import { accessOf } from '../runner-unit';
import { OutputCapture } from './output-capture';
import { UnitDatabases } from './unit-databases';
import { UnitLoop } from './unit-loop';
import type { UnitLink } from './worker-link';

/** Rejects if the function could not be called. */
export async function callHere(options: CallHereOptions): Promise<CalledHere> {
  const { signal } = options;
  const unit = { ...options.unit, ...accessOf(options.access) };
  // So that stack traces refer to the user's file instead of the bundle.
  process.setSourceMapsEnabled(true);
  const link = new LocalLink(options);
  const output = new OutputCapture((lines) => lines.forEach(options.onLog));
  const databases = new UnitDatabases();
  const loop = new UnitLoop(unit, link, output, databases);
  const cancel = (): void => loop.abort({ type: 'abort', reason: 'cancelled' });
  const fail = (error: unknown): void => {
    if (!loop.fail(output.call.getStore() ?? output.current, error)) throw error;
  };
  signal.addEventListener('abort', cancel, { once: true });
  process.on('uncaughtException', fail).on('unhandledRejection', fail);
  const release = output.install();
  try {
    await loop.run();
  } finally {
    databases.close();
    release();
    process.off('uncaughtException', fail).off('unhandledRejection', fail);
    signal.removeEventListener('abort', cancel);
  }
  return link.result!;
}

class LocalLink extends LocalCall implements UnitLink {
  begin(): void {}

  end(): void {}
}
