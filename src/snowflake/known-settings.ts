/**
 * Settings of a connection in `connections.toml`: those of the driver, and those of Snowflake's other tools,
 * which share the file.
 */
import { didYouMean } from '../core/nearest';

/** The driver's names; the file may also have them in snake case. */
const OF_DRIVER =
  'accessUrl account agentClass application arrayBindingThreshold authenticator browserActionTimeout browserRedirectPort ' +
  'certRevocationCheckMode clientConfigFile clientRequestMFAToken clientSessionKeepAlive clientSessionKeepAliveHeartbeatFrequency ' +
  'clientStoreTemporaryCredential credentialCacheDir crlAllowCertificatesWithoutCrlURL crlInMemoryCache crlOnDiskCache database ' +
  'disableConsoleLogin disableQueryContextCache disableSamlURLCheck fetchAsString forceStageBindError gcsUseDownscopedCredential host ' +
  'includeRetryReason jsTreatIntegerAsBigInt masterToken noProxy oauthAuthorizationUrl oauthChallengeMethod oauthClientId ' +
  'oauthClientSecret oauthEnableSingleUseRefreshTokens oauthHttpAllowed oauthRedirectUri oauthScope oauthTokenRequestUrl passcode ' +
  'passcodeInPassword password port privateKey privateKeyPass privateKeyPath protocol proxyHost proxyPassword proxyPort proxyProtocol ' +
  'proxyUser queryTag region representNullAsStringNull retryTimeout role rowMode rowStreamHighWaterMark schema serverSessionKeepAlive ' +
  'serviceName sessionToken streamResult token tokenFilePath useConnectionConfigProxyForOCSP username validateDefaultParameters warehouse ' +
  'workloadIdentityAwsUseOutboundToken workloadIdentityAzureClientId workloadIdentityAzureEntraIdResource ' +
  'workloadIdentityImpersonationPath workloadIdentityProvider';

/**
 * Settings of Snowflake CLI and the Python connector: different names for the same, and settings that do not
 * apply to this driver.
 */
const OF_OTHERS =
  'user private_key_file private_key_raw private_key_passphrase private_key_file_pwd connection_name mfa_passcode login_timeout ' +
  'network_timeout socket_timeout connect_timeout timezone autocommit paramstyle insecure_mode ocsp_fail_open ocsp_response_cache_filename ' +
  'disable_ocsp_checks session_parameters session_id client_prefetch_threads client_fetch_threads arrow_number_to_decimal numpy ' +
  'internal_application_name internal_application_version enable_connection_diag connection_diag_log_path ' +
  'connection_diag_allowlist_path connection_diag_whitelist_path enable_diag diag_log_path diag_allowlist_path converter_class ' +
  'backoff_policy unsafe_file_write oauth_enable_pkce oauth_enable_refresh_tokens oauth_disable_pkce oauth_credentials_in_body ' +
  'external_browser_timeout temporary_connection consent_cache_id_token client_request_mfa_token disable_saml_url_check ' +
  'crl_allow_certificates_without_crl_url';

const KNOWN: readonly string[] = [
  ...OF_DRIVER.split(' ').flatMap((name) => [name, inSnakeCase(name)]),
  ...OF_OTHERS.split(' '),
];

/**
 * A sentence for each name that is nearly that of a known setting: because of a typo, a different password or
 * role would be used silently. `names` are those of the connection's settings.
 */
export function misspelled(names: readonly string[]): string[] {
  return unknown(names).flatMap((name) => {
    const meant = didYouMean(name, KNOWN);
    return meant === '' ? [] : [`"${name}" is not a setting of a connection.${meant}`];
  });
}

/** Names that neither Partwise nor the driver knows. They may belong to another tool. */
export function unknown(names: readonly string[]): string[] {
  return names.filter((name) => !KNOWN.includes(name));
}

function inSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
