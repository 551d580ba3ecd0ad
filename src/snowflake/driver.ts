/**
 * Snowflake's driver: loaded on first use (which takes half a second), silenced, and with limited retries.
 */
import type * as Driver from 'snowflake-sdk';

export type { Connection, ConnectionOptions, FileAndStageBindStatement, RowStatement } from 'snowflake-sdk';

/**
 * Disables what the driver would do as soon as it is loaded: detect its cloud platform, send telemetry, load
 * a native library.
 */
const QUIET = {
  SNOWFLAKE_DISABLE_PLATFORM_DETECTION: 'true',
  SNOWFLAKE_DISABLE_MINICORE: 'true',
  SF_TELEMETRY_DISABLE_CONNECTION_SHAPE: 'true',
};

/** Retries of a failed request, 1 to 4 s apart; the driver would retry for minutes. */
const MAX_RETRIES = 3;
/** No request is retried after this time. */
const GIVE_UP_MS = 30_000;

let loaded: typeof Driver | null = null;

export function loadDriver(): typeof Driver {
  if (loaded !== null) return loaded;
  for (const [name, value] of Object.entries(QUIET)) process.env[name] ??= value;
  const driver = require('snowflake-sdk') as typeof Driver;
  const nothing = (): void => {};
  // Otherwise it logs to standard output and to a file in the working directory.
  driver.configure({
    logLevel: 'OFF',
    customLogger: { error: nothing, warn: nothing, info: nothing, debug: nothing, trace: nothing },
  });
  limitRetries();
  return (loaded = driver);
}

interface Request {
  useSnowflakeRetryMiddleware?: boolean;
  __snowflakeRetryConfig?: { maxRetries: number; sleepBase: number; sleepCap: number };
  __snowflakeRetryState?: { startTime: number };
}

/**
 * The driver has no setting for this (`sfRetryMaxNumRetries` is ignored), so its internal limits are
 * overridden on each request.
 */
function limitRetries(): void {
  const { default: axios } = require('snowflake-sdk/dist/lib/http/axios_instance') as {
    default: { interceptors: { request: { use(before: (request: Request) => Request): void } } };
  };
  axios.interceptors.request.use((request) => {
    if (request.useSnowflakeRetryMiddleware !== true) return request;
    request.__snowflakeRetryConfig ??= { maxRetries: MAX_RETRIES, sleepBase: 1, sleepCap: 4 };
    const since = request.__snowflakeRetryState?.startTime;
    if (since !== undefined && Date.now() - since > GIVE_UP_MS)
      throw new Error(`There was no answer for ${GIVE_UP_MS / 1000} s.`);
    return request;
  });
}
