/** What every command that talks to Temporal begins with. */
import type { Client, Connection } from '@temporalio/client';
import { attachEmbedded, type AttachOptions } from './host/embedded';
import { resolveTemporal, type ServerConnectionOptions } from './named-server';
import { readSecret, type ProjectSecret } from '../trust/secret';
import { sealing } from '../trust/seal-codec';
import { signingStarts } from '../trust/sign-starts';
import { TemporalUnavailable, errorText } from './problems';
import { stateFolder } from './state-folder';

export { resolveTemporal } from './named-server';

export interface TemporalSession {
  readonly connection: Connection;
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** Whether this is the project's own server, with a worker that Partwise keeps up. */
  readonly embedded: boolean;
  close(): Promise<void>;
}

const CONNECTS_WITHIN_MS = 5_000;
const GRPC_NOT_FOUND = 5;

/** Connects to the server that is named, else to the embedded one, which is started where it is not up. */
export async function connectTemporal(options: AttachOptions): Promise<TemporalSession> {
  const resolved = resolveTemporal(options.settings, options.env ?? process.env);
  if (resolved.kind === 'named') {
    const connection = await connectNamed(resolved.connectionOptions, resolved.namespace);
    return session(connection, resolved, { ...options, secret: null }, () => {});
  }
  // Loading takes its quarter of a second while server and worker come up.
  const attaching = attachEmbedded(options);
  attaching.catch(() => {});
  loadClientLibrary();
  const embedded = await attaching;
  try {
    const connection = await connect({ address: embedded.address });
    // None: a host of an earlier release goes on, which asks for no proof.
    const secret = readSecret(stateFolder(options.projectDir).path);
    return session(connection, embedded, { ...options, secret }, () => embedded.close());
  } catch (error) {
    embedded.close();
    throw new TemporalUnavailable(
      `The embedded Temporal server at ${embedded.address} does not answer (${errorText(error)}). Its log is ".partwise/server.log" in the project folder.`,
    );
  }
}

/** Not on top: it takes a quarter of a second, and only what talks to Temporal should pay for it. */
function loadClientLibrary(): typeof import('@temporalio/client') {
  return require('@temporalio/client') as typeof import('@temporalio/client');
}

function session(
  connection: Connection,
  at: { address: string; namespace: string; taskQueue: string; kind?: 'named' },
  options: AttachOptions & { secret: ProjectSecret | null },
  letGo: () => void,
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
      ...(dataConverter !== undefined && { dataConverter }),
      ...(secret !== null && { interceptors: signingStarts(secret) }),
    }),
    address,
    namespace,
    taskQueue,
    embedded: at.kind !== 'named',
    close: async () => {
      letGo();
      await connection.close();
    },
  };
}

/** `Connection.connect` leaves a connection that failed open, which keeps the process from exiting. */
async function connect(to: ServerConnectionOptions): Promise<Connection> {
  const { Connection } = loadClientLibrary();
  const connection = Connection.lazy({ ...to, connectTimeout: CONNECTS_WITHIN_MS });
  try {
    await connection.ensureConnected();
    return connection;
  } catch (error) {
    await connection.close();
    // The SDK's own words say only that it failed.
    throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
  }
}

async function connectNamed(to: ServerConnectionOptions, namespace: string): Promise<Connection> {
  const connection = await connect(to).catch((error: unknown) => {
    throw new TemporalUnavailable(
      `No Temporal server answers at "${to.address}" (${errorText(error)}). Check the address, that the server is up, ` +
        `${to.tls ? 'that it speaks TLS and accepts the certificate or API key' : 'whether it wants TLS or an API key'}, and any firewall between. ` +
        'Without an address and a profile, Partwise starts a server of its own.',
    );
  });
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    // Other refusals may concern this request alone: many API keys may not describe a namespace.
    if ((error as { code?: number }).code !== GRPC_NOT_FOUND) return connection;
    await connection.close();
    throw new TemporalUnavailable(
      `The Temporal server at "${to.address}" has no namespace "${namespace}". ` +
        'Set `temporal.namespace` or TEMPORAL_NAMESPACE to one that it has, or create it with `temporal operator namespace create`.',
    );
  }
  return connection;
}
