/** Who acts on a run: a program with the library, or a user of the console's page. */
import { askConsole } from '../support/console-api';
import { patiently } from './patiently';
import { type World } from './world';

export interface Hand {
  cancel(): Promise<void>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  setConcurrency(maxConcurrency: number): Promise<void>;
  skip(id: string): Promise<void>;
  /** The Temporal run id of the execution that it starts. */
  retry(): Promise<string>;
}

export function hand(by: 'library' | 'console', world: World): Hand {
  if (by === 'console') return consoleHand(world);
  const run = world.partwise.getRun(world.runId);
  return {
    cancel: () => run.cancel(),
    pause: () => run.pause(),
    unpause: () => run.unpause(),
    setConcurrency: (maxConcurrency) => run.set({ maxConcurrency }),
    skip: (id) => run.skip([id]),
    retry: async () => (await run.retry()).workflowRunId!,
  };
}

/** Requests as the page's buttons make them. Refusals have the names of the library's errors. */
function consoleHand(world: World): Hand {
  const act = async <T>(action: string, body: unknown = {}): Promise<T> => {
    const path = `runs/${encodeURIComponent(world.runId)}/actions/${action}`;
    const { value, refusal, errorType } = await askConsole<T>(await addressOf(world), path, body);
    if (refusal === undefined) return value;
    throw Object.assign(new Error(refusal), { name: errorType });
  };
  return {
    cancel: () => act('cancel'),
    pause: () => act('pause'),
    unpause: () => act('unpause'),
    setConcurrency: (maxConcurrency) => act('set', { maxConcurrency }),
    async skip(id) {
      const { ordinal } = await world.partwise.getRun(world.runId).partition(id).describe();
      await act('skip', { filter: { ordinals: [ordinal, ordinal + 1] } });
    },
    retry: () => act('retry', { which: { by: 'all' } }),
  };
}

/** Of this seed's console, which is started when it is first needed. */
function addressOf(world: World): Promise<{ origin: string; token: string }> {
  world.console ??= world.command('console');
  const { text } = world.console;
  return patiently('the address of the console', () => {
    const [address] = /http:\S+(?=\s)/.exec(text()) ?? [];
    if (address === undefined) return Promise.resolve(undefined);
    const { origin, hash } = new URL(address);
    return Promise.resolve({ origin, token: hash.replace('#token=', '') });
  });
}
