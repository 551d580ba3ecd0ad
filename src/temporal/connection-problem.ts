import type { NamedServer } from './named-server';
import { detailsOf, errorText, isDenied } from './problems';
import { tlsProblem } from './tls-problem';

/** Why a server cannot be connected to, and what to do. `error`: of Temporal's client. */
export async function connectionProblem(server: NamedServer, error: unknown): Promise<string> {
  const { address, connectionOptions } = server;
  if (isDenied(error)) return keyProblem(server, error);
  const ofTls = await tlsProblem(server);
  if (ofTls !== null) return ofTls;
  return (
    `No Temporal server responds at "${address}" (${errorText(error)}). Check the address, that the server is running, ` +
    `${connectionOptions.tls ? 'that it accepts the certificate or API key' : 'whether it requires an API key'}, and any firewall in between. ` +
    'Without an address or a profile, Partwise starts its own server.'
  );
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

/** Why a server that accepts the connection refuses to use the namespace. */
export function accessProblem(
  { address, namespace, connectionOptions: { apiKey } }: NamedServer,
  error: Error,
): string {
  const refused = `The Temporal server at "${address}" refuses access to the namespace "${namespace}" (${detailsOf(error)}).`;
  if (apiKey === undefined)
    return `${refused} It may require an API key: set TEMPORAL_API_KEY, or \`api_key\` in a profile.`;
  return `${refused} Use an API key that has access to it, or set \`temporal.namespace\` or TEMPORAL_NAMESPACE to another one.`;
}
