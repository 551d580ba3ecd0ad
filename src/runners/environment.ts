/** The environment of runners: the worker's, without what it signs in with. Pure. */

/**
 * Temporal's and Snowflake's settings, the sources of credentials that the AWS SDK knows (the stage's, in a bucket), and headers for a
 * collector of traces. A guard against accidents, such as a function that logs its environment: it runs as the worker's user.
 */
const CREDENTIALS = [
  /^(TEMPORAL|SNOWFLAKE)_/i,
  /^PRIVATE_KEY_PASSPHRASE$/i,
  /^PARTWISE_(SECRET|WORKER$|HOST$)/i,
  /^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|WEB_IDENTITY_TOKEN_FILE)$/i,
  /^AWS_CONTAINER_(AUTHORIZATION_TOKEN(_FILE)?|CREDENTIALS_(FULL|RELATIVE)_URI)$/i,
  /^OTEL_EXPORTER_OTLP_(\w+_)?HEADERS$/i,
];

/** `passed`: names that functions get although they are credentials. */
export function runnerEnvironment(
  env: NodeJS.ProcessEnv,
  passed: readonly string[],
): Record<string, string | undefined> {
  // enforces I11: credentials of the worker stay with the worker.
  const isKept = (name: string): boolean =>
    passed.includes(name) || !CREDENTIALS.some((pattern) => pattern.test(name));
  return Object.fromEntries(Object.entries(env).filter(([name]) => isKept(name)));
}
