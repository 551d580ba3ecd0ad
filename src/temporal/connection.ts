/** Connects to Temporal, for every command that needs it. */
import { hostname, userInfo } from 'node:os';
import type { Client, Connection } from '@temporalio/client';
import { attachEmbedded } from './host/embedded';
import type { EmbeddedOptions } from './host/launch';
import { resolveTemporal, type NamedServer, type ServerConnectionOptions } from './named-server';
import { readSecret, type ProjectSecret } from '../trust/secret';
import { sealing } from '../trust/seal-codec';
import { signingStarts } from '../trust/sign-starts';
import { accessProblem, connectionProblem } from './connection-problem';
import { TemporalUnavailable, errorText, isDenied } from './problems';
import { stateFolder } from './state-folder';

export { resolveTemporal } from './named-server';

export interface TemporalSession {
  readonly connection: Connection;
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** Whether this is the project's embedded server, with a worker that Partwise manages. */
  readonly embedded: boolean;
  close(): Promise<void>;
}

const CONNECTS_WITHIN_MS = 5_000;
const GRPC_NOT_FOUND = 5;

/** Connects to the configured server, or else to the embedded one, starting it if necessary. */
export async function connectTemporal(options: EmbeddedOptions): Promise<TemporalSession> {
  const resolved = resolveTemporal(options.settings, options.env ?? process.env);
  await options.settings.keys?.check();
  if (resolved.kind === 'named') {
    const connection = await connectNamed(resolved);
    return session(connection, resolved, { ...options, secret: null }, () => {});
  }
  // Loading takes a quarter of a second, so do it while server and worker are starting.
  const attaching = attachEmbedded(options);
  attaching.catch(() => {});
  loadClientLibrary();
  const embedded = await attaching;
  try {
    const connection = await connect({ address: embedded.address });
    // No secret: a host of an earlier release is running, which does not require a proof.
    const secret = readSecret(stateFolder(options.projectDir).path);
    return session(connection, embedded, { ...options, secret }, () => embedded.close());
  } catch (error) {
    embedded.close();
    throw new TemporalUnavailable(
      `The embedded Temporal server at ${embedded.address} does not respond (${errorText(error)}). Its log is ".partwise/server.log" in the project folder.`,
    );
  }
}

/** Loaded lazily: it takes a quarter of a second, which only commands that use Temporal should spend. */
function loadClientLibrary(): typeof import('@temporalio/client') {
  return require('@temporalio/client') as typeof import('@temporalio/client');
}

function session(
  connection: Connection,
  at: { address: string; namespace: string; taskQueue: string; kind?: 'named' },
  options: EmbeddedOptions & { secret: ProjectSecret | null },
  detach: () => void,
): TemporalSession {
  const { Client } = loadClientLibrary();
  const { address, namespace, taskQueue } = at;
  const { settings, secret } = options;
  const dataConverter =
    secret === null ? settings.dataConverter : sealing(settings.dataConverter, { secret }).dataConverter;
  return {
    connection,
    client: new Client({
      connection,
      namespace,
      ...ownIdentity(),
      ...(dataConverter !== undefined && { dataConverter }),
      ...(secret !== null && { interceptors: signingStarts(secret) }),
    }),
    address,
    namespace,
    taskQueue,
    embedded: at.kind !== 'named',
    close: async () => {
      detach();
      await connection.close();
    },
  };
}

/**
 * Who did something, in Temporal's history and UI: `user@host`. Temporal's default, which stays where the
 * user has no name, as in some containers, has the number of a process that has exited by then.
 */
function ownIdentity(): { identity?: string } {
  try {
    return { identity: `${userInfo().username}@${hostname()}` };
  } catch {
    return {};
  }
}

/** Not `Connection.connect`, which leaves a failed connection open and so keeps the process from exiting. */
async function connect(to: ServerConnectionOptions): Promise<Connection> {
  const { Connection } = loadClientLibrary();
  const connection = Connection.lazy({ ...to, connectTimeout: CONNECTS_WITHIN_MS });
  try {
    await connection.ensureConnected();
    return connection;
  } catch (error) {
    await connection.close();
    // The SDK's own message only states that it failed.
    throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
  }
}

async function connectNamed(server: NamedServer): Promise<Connection> {
  const { connectionOptions: to, namespace } = server;
  const connection = await connect(to).catch(async (error: unknown) => {
    throw new TemporalUnavailable(await connectionProblem(server, error));
  });
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    // Many API keys are not allowed to describe a namespace, but to list its workflows.
    if (isDenied(error))
      await connection.workflowService
        .listWorkflowExecutions({ namespace, pageSize: 1 })
        .catch(async (reason: unknown) => {
          if (!isDenied(reason)) return;
          await connection.close();
          throw new TemporalUnavailable(accessProblem(server, reason));
        });
    // Others may affect only this request.
    if ((error as { code?: number }).code !== GRPC_NOT_FOUND) return connection;
    await connection.close();
    throw new TemporalUnavailable(
      `The Temporal server at "${to.address}" has no namespace "${namespace}". ` +
        'Set `temporal.namespace` or TEMPORAL_NAMESPACE to an existing one, or create it with `temporal operator namespace create`.',
    );
  }
  return connection;
}
