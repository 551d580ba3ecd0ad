/** `partwise console` as a process, and the browser that its page is opened in. */
import { describe } from '@jest/globals';
import { chromium, type Browser } from 'playwright-core';
import { startCli, type Finished } from './cli';
import { LONG } from './long';

/** Set by scripts/test.mjs; empty if there is no browser. */
const PROGRAM = process.env.CHROMIUM ?? '';

/** Tests that need a browser. Where there is none, the suite's last lines say that they were not run. */
export const describeBrowser: (title: string, tests: () => void) => void =
  PROGRAM === '' ? describe.skip : describe;

export const describeLongBrowser: typeof describeBrowser = LONG ? describeBrowser : describe.skip;

/** A name that the browser resolves to this machine, as a site can make it do. */
export const REBOUND = 'rebound.test';

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: PROGRAM,
    args: ['--disable-gpu', `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`],
  });
}

export interface TestConsole {
  /** Address with the token. */
  readonly url: string;
  readonly origin: string;
  readonly token: string;
  readonly pid: number;
  /** Ends it as Ctrl-C does. */
  end(): Promise<Finished>;
}

/** Resolves when it has printed its address. */
export async function startConsole(
  folder: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
  node?: string,
): Promise<TestConsole> {
  const running = startCli(folder, ['console', ...args], env, node);
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    running.process.stdout!.on('data', (part: string) => {
      text += part;
      const [address] = /http:\S+/.exec(text) ?? [];
      if (address !== undefined && text.endsWith('\n')) resolve(address);
    });
    void running.finished.then(({ stderr }) =>
      reject(new Error(`The console ended before it printed its address: ${stderr}`)),
    );
  });
  const { origin, hash } = new URL(url);
  return {
    url,
    origin,
    token: hash.replace('#token=', ''),
    pid: running.process.pid!,
    end: () => {
      running.process.kill('SIGINT');
      return running.finished;
    },
  };
}

/**
 * Address of the list with this run alone: all tests share one server, so other runs can fill the first page
 * of the list. `address`: of the list, with or without the token.
 */
export function listOf(address: string, runId: string): string {
  const url = new URL(address);
  url.searchParams.set('text', runId);
  return url.href;
}
