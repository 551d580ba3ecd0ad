/** The environment of runners: the worker's, without its credentials. Pure. */
import { SERVICES } from '../warehouse';

/**
 * Temporal's settings, credentials of warehouses and stages, and headers for a trace collector. This protects
 * only against accidents, such as a function that logs its environment: functions run as the worker's user.
 */
const CREDENTIALS = [
  /^TEMPORAL_/i,
  /^PARTWISE_(SECRET|KEY|WORKER$|HOST$)/i,
  /^OTEL_EXPORTER_OTLP_(\w+_)?HEADERS$/i,
  ...SERVICES.flatMap(({ credentials }) => credentials),
];

/** `passed` are names that functions get even if they are credentials. */
export function runnerEnvironment(
  env: NodeJS.ProcessEnv,
  passed: readonly string[],
): Record<string, string | undefined> {
  // enforces I11: the worker's credentials stay with the worker.
  const isKept = (name: string): boolean =>
    passed.includes(name) || !CREDENTIALS.some((pattern) => pattern.test(name));
  return Object.fromEntries(Object.entries(env).filter(([name]) => isKept(name)));
}
