/** What tests of the page need: a project, its console, its worker, and pages that are signed in. */
import { afterAll, afterEach, expect } from '@jest/globals';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { startBrowser, startConsole, type TestConsole } from './console';
import { makeProject, type TestProject } from './project';

/** For one step on a busy machine. */
const STEP_MS = 60_000;

interface Settings {
  project?: Parameters<typeof makeProject>[1];
  /** Statements that make the project's tables. */
  tables?: readonly string[];
  /** Of the console. */
  args?: readonly string[];
  /** Of the console. */
  env?: NodeJS.ProcessEnv;
  /** The worker's environment; null: the test starts its own. */
  worker?: NodeJS.ProcessEnv | null;
}

interface Started {
  project: TestProject;
  served: TestConsole;
}

export interface ConsoleFixture {
  /** Errors that pages threw, and dialogs, since the last test. A test that expects them removes them. */
  readonly surprises: string[];
  start(functions: string, settings?: Settings): Promise<Started>;
  /** Starts another console of the project. */
  startConsole(...args: readonly string[]): Promise<TestConsole>;
  /** A page in a session of its own. */
  newPage(options?: BrowserContextOptions): Promise<Page>;
  /** One on which the console is open, so that every address of it can be gone to. */
  signedIn(options?: BrowserContextOptions): Promise<Page>;
}

/**
 * For a block of tests, which calls its `start` in `beforeAll`: ends everything after them, and fails each in
 * which a page threw an error or opened a dialog.
 */
export function consoleFixture(): ConsoleFixture {
  const surprises: string[] = [];
  const consoles: TestConsole[] = [];
  let project: TestProject;
  let browser: Promise<Browser> | null = null;

  afterEach(() => expect(surprises.splice(0)).toEqual([]));
  afterAll(async () => {
    await (await browser)?.close();
    await Promise.all(consoles.map((served) => served.end()));
    await project?.close();
  });

  const serve = async (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<TestConsole> => {
    const served = await startConsole(project.folder, args, env);
    consoles.push(served);
    return served;
  };
  const newPage = async (options?: BrowserContextOptions): Promise<Page> => {
    browser ??= startBrowser();
    const session = await (await browser).newContext(options);
    session.setDefaultTimeout(STEP_MS);
    session.on('weberror', (thrown) => surprises.push(thrown.error().message));
    session.on('dialog', (dialog) => {
      surprises.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    return session.newPage();
  };
  return {
    surprises,
    async start(functions, settings = {}) {
      project = await makeProject(functions, settings.project);
      const { tables = [], args = [], env, worker = {} } = settings;
      if (tables.length > 0) await project.execute(...tables);
      const [served] = await Promise.all([serve(args, env), worker && project.startWorker(worker)]);
      return { project, served };
    },
    startConsole: (...args) => serve(args),
    newPage,
    async signedIn(options) {
      const page = await newPage(options);
      await page.goto(consoles[0]!.url);
      await page.getByRole('link', { name: 'Schedules' }).waitFor();
      return page;
    },
  };
}
