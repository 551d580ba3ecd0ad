/**
 * Decides which server to use: a configured one, or the project's embedded one. No other module decides this.
 */
import type { TLSConfig } from '@temporalio/common/lib/internal-non-workflow';
import { TemporalUnavailable, errorText } from './problems';
import type { TemporalSettings } from './settings';

/** Options that both `Connection` and `NativeConnection` accept. */
export interface ServerConnectionOptions {
  address: string;
  tls?: TLSConfig | boolean;
  apiKey?: string;
  metadata?: Record<string, string>;
}

export interface NamedServer {
  kind: 'named';
  address: string;
  namespace: string;
  taskQueue: string;
  connectionOptions: ServerConnectionOptions;
  /** Where the certificates come from, for messages. */
  tlsFiles?: { serverCa?: string; clientCert?: string; clientKey?: string };
}

export type ResolvedTemporal = NamedServer | { kind: 'embedded' };

/**
 * A server is named by an address or a profile, in the settings or as TEMPORAL_ADDRESS or TEMPORAL_PROFILE.
 * Temporal's environment variables and the profile then fill in whatever the settings omit. A default profile
 * does not count as naming a server.
 */
export function resolveTemporal(settings: TemporalSettings, env: NodeJS.ProcessEnv): ResolvedTemporal {
  const profile = settings.profile ?? (env['TEMPORAL_PROFILE'] || undefined);
  if (settings.address === undefined && !env['TEMPORAL_ADDRESS'] && profile === undefined)
    return { kind: 'embedded' };

  const { namespace, connectionOptions, tlsFiles } = loadProfile(profile, env);
  const address = settings.address ?? connectionOptions.address;
  if (!address) {
    throw new TemporalUnavailable(
      `The Temporal profile "${profile}" has no address. Add one to the profile, or set \`temporal.address\` or TEMPORAL_ADDRESS.`,
    );
  }
  const apiKey =
    settings.apiKey ?? (typeof connectionOptions.apiKey === 'string' ? connectionOptions.apiKey : undefined);
  const tls = withTls(settings.tls, connectionOptions.tls ?? undefined, apiKey);
  const metadata = connectionOptions.metadata as Record<string, string> | undefined;
  return {
    kind: 'named',
    address,
    namespace: settings.namespace ?? namespace ?? 'default',
    taskQueue: settings.taskQueue ?? 'partwise',
    connectionOptions: {
      address,
      ...(tls !== undefined && { tls }),
      ...(apiKey !== undefined && { apiKey }),
      ...(metadata !== undefined && { metadata }),
    },
    ...(tlsFiles !== undefined && { tlsFiles }),
  };
}

function loadProfile(profile: string | undefined, env: NodeJS.ProcessEnv) {
  // Loaded lazily, since only configured servers need it and connecting to the embedded one should be fast.
  const {
    loadClientConfigProfile,
    toClientOptions,
  }: typeof import('@temporalio/envconfig') = require('@temporalio/envconfig');
  const set = Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1]));
  try {
    const loaded = loadClientConfigProfile({
      overrideEnvVars: Object.fromEntries(set),
      ...(profile === undefined ? { disableFile: true } : { profile }),
    });
    const { clientCert, clientKey, serverCACert } = loaded.tls ?? {};
    if ((clientCert === undefined) !== (clientKey === undefined))
      throw new Error(
        `there is a client ${clientCert === undefined ? 'key without a certificate' : 'certificate without a key'}`,
      );
    const tlsFiles = {
      ...pathOf('serverCa', serverCACert),
      ...pathOf('clientCert', clientCert),
      ...pathOf('clientKey', clientKey),
    };
    return { ...toClientOptions(loaded), ...(Object.keys(tlsFiles).length > 0 && { tlsFiles }) };
  } catch (error) {
    if (profile === undefined)
      throw new TemporalUnavailable(`Temporal's environment variables cannot be used: ${errorText(error)}.`);
    throw new TemporalUnavailable(
      `The Temporal profile "${profile}" cannot be used: ${errorText(error)}. ` +
        '`temporal config list` shows the profiles; TEMPORAL_CONFIG_FILE selects another file.',
    );
  }
}

/**
 * Keeps the profile's certificates unless TLS is turned off. With an API key, TLS is on by default.
 */
function withTls(
  wanted: boolean | undefined,
  configured: TLSConfig | boolean | null | undefined,
  apiKey: string | undefined,
): TLSConfig | boolean | undefined {
  if (wanted === false) return false;
  if (wanted === true) return configured || true;
  return configured ?? (apiKey === undefined ? undefined : true);
}

function pathOf(
  name: string,
  source: { path: string } | { data: unknown } | undefined,
): Record<string, string> {
  return source !== undefined && 'path' in source ? { [name]: source.path } : {};
}
