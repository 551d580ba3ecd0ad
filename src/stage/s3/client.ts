/** The AWS SDK, as stages use it. Only `s3-stage.ts` imports this, so that nothing else loads the SDK. */
import { S3Client } from '@aws-sdk/client-s3';
import { atMost } from '../../core/at-most';

/**
 * Concurrent requests of this process, each with up to 8 MiB in memory. More would wait for sockets and time
 * out as if the store did not respond.
 */
const MAX_REQUESTS = 16;
/** The SDK retries, so an unreachable store is detected after three of these. */
const CONNECT_MS = 3_000;
/**
 * How long a connection may be silent in both directions. A whole request has no limit: on a slow network, a
 * part of a large object takes minutes.
 */
const SILENCE_MS = 60_000;

export interface S3Access {
  /** The configured endpoint; null for AWS itself. */
  endpoint: string | null;
  /** Runs `work` once a slot is free. */
  request<T>(work: (client: S3Client) => Promise<T>): Promise<T>;
}

let access: Promise<S3Access> | null = null;

/**
 * One client for all stages of the process. Endpoint, region, credentials and attempts come from the SDK's
 * usual configuration.
 */
export function s3Access(): Promise<S3Access> {
  return (access ??= connect());
}

async function connect(): Promise<S3Access> {
  // The SDK prints a warning about versions later than the pinned one.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const endpoint = await configuredEndpoint();
  const client = new S3Client({
    // Outside AWS, buckets do not have their own host names.
    forcePathStyle: endpoint !== null,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: { maxSockets: MAX_REQUESTS },
      httpsAgent: { maxSockets: MAX_REQUESTS },
    },
    followRegionRedirects: true,
    expectContinueHeader: false,
    // Other stores do not support AWS's checksums. What is read is checked against the digest in history.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The library must not print.
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const turns = atMost(MAX_REQUESTS);
  return { endpoint, request: (work) => turns(() => work(client)) };
}

/**
 * `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or `endpoint_url` of the profile: the SDK exposes it as a
 * property that its types omit.
 */
async function configuredEndpoint(): Promise<string | null> {
  const { serviceConfiguredEndpoint } = new S3Client().config as unknown as {
    serviceConfiguredEndpoint(): Promise<string | undefined>;
  };
  return (await serviceConfiguredEndpoint()) ?? null;
}
