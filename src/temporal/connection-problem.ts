import type { NamedServer } from './named-server';
import { errorText } from './problems';
import { tlsProblem } from './tls-problem';

const GRPC_PERMISSION_DENIED = 7;
const GRPC_UNAUTHENTICATED = 16;

/** Why a server cannot be connected to, and what to do. `error`: of Temporal's client. */
export async function connectionProblem(server: NamedServer, error: unknown): Promise<string> {
  const { address, connectionOptions } = server;
  if (isDenied(error)) return keyProblem(server, error as Error);
  const ofTls = await tlsProblem(server);
  if (ofTls !== null) return ofTls;
  return (
    `No Temporal server responds at "${address}" (${errorText(error)}). Check the address, that the server is running, ` +
    `${connectionOptions.tls ? 'that it accepts the certificate or API key' : 'whether it requires an API key'}, and any firewall in between. ` +
    'Without an address or a profile, Partwise starts its own server.'
  );
}

function isDenied(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === GRPC_PERMISSION_DENIED || code === GRPC_UNAUTHENTICATED;
}

function keyProblem({ address, connectionOptions: { apiKey } }: NamedServer, error: Error): string {
  const at = `The Temporal server at "${address}"`;
  if (apiKey === undefined)
    return `${at} requires an API key (${detailsOf(error)}). Set TEMPORAL_API_KEY, or \`api_key\` in a profile.`;
  return (
    `${at} does not accept the API key (${detailsOf(error)}). It is wrong or has expired: ` +
    'set TEMPORAL_API_KEY, `temporal.apiKey` or `api_key` in the profile to a new one.'
  );
}

/** The server's words, without gRPC's code before them. */
function detailsOf(error: Error): string {
  return (error as { details?: string }).details || error.message;
}
