/** The embedded server of a project and its worker, in the foreground: `partwise dev`. */
import type { ProjectConfig } from '../config';
import { projectSecret, resolveTemporal, runHostInForeground } from '../temporal';
import type { OnTemporalEvent } from '../temporal/events';
import { startProof } from '../trust/start-proof';
import { projectFunctions, type ProjectFunction } from './project-functions';

export interface ServeOptions {
  /** Runs need no proof of the project's owner. */
  open: boolean;
  /** Serve Temporal's own web UI too. */
  ui: boolean;
  onEvent: OnTemporalEvent;
  /** Called each time the worker has become ready. */
  onReady: (server: ReadyServer) => void;
}

export interface ReadyServer {
  /** `host:port`. */
  address: string;
  /** URL of Temporal's own web UI; null if it is not served. */
  uiUrl: string | null;
  taskQueue: string;
  /** Empty if the functions file cannot be loaded: the worker reports why when a run needs it. */
  functions: readonly string[];
  /**
   * The header that starts a run of this id and input from another Temporal client; null if none is needed.
   */
  proofOf(runId: string, input: object): string | null;
}

/** Resolves once both have ended, on SIGINT or SIGTERM. */
export async function serveProject(config: ProjectConfig, options: ServeOptions): Promise<void> {
  const { projectDir, temporal } = config;
  const { open, ui, onEvent, onReady } = options;
  const named = resolveTemporal(temporal, process.env);
  if (named.kind === 'named') {
    throw new Error(
      `\`partwise dev\` starts its own server, but a server is configured: ${named.address}. ` +
        'Use `partwise worker` to run a worker for that server, or remove its address or profile from the configuration and the environment.',
    );
  }
  const taskQueue = temporal.taskQueue ?? 'partwise';
  const described = await projectFunctions(config).catch((): ProjectFunction[] => []);
  const functions = described.map(({ name }) => name);
  const proofOf = (runId: string, input: object): string | null =>
    open ? null : startProof(projectSecret(projectDir), 'run', runId, input);
  let address = '';
  let uiUrl: string | null = null;
  await runHostInForeground({
    projectDir,
    open,
    ui,
    settings: temporal,
    onEvent(event) {
      onEvent(event);
      if (event.type === 'serverReady') address = event.address;
      if (event.type === 'uiReady') uiUrl = event.url;
      if (event.type === 'workerReady') onReady({ address, uiUrl, taskQueue, functions, proofOf });
    },
  });
}
