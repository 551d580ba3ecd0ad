/** The AWS SDK, as stages use it. Only `s3-stage.ts` leads here, so that nobody else loads it. */
import { S3Client } from '@aws-sdk/client-s3';
import { atMost } from './at-most';

/**
 * Requests of this process under way at once, each with up to 8 MiB in memory. More would wait for sockets,
 * and be taken for a store that does not answer.
 */
const MAX_REQUESTS = 16;
/** A store that cannot be reached is known for one after three of these, for the SDK asks again. */
const CONNECT_MS = 3_000;
/** Long enough for a part of a large object on a slow line. */
const ANSWER_MS = 60_000;

export interface S3Access {
  /** As it was configured; null for AWS itself. */
  endpoint: string | null;
  /** Waits for its turn. */
  request<T>(work: (client: S3Client) => Promise<T>): Promise<T>;
}

let access: Promise<S3Access> | null = null;

/**
 * One for all stages of the process. Endpoint, region, credentials and attempts are found where the SDK
 * always looks.
 */
export function s3Access(): Promise<S3Access> {
  return (access ??= connect());
}

async function connect(): Promise<S3Access> {
  // It is about later versions than the one that is pinned, and it is printed.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const endpoint = await configuredEndpoint();
  const client = new S3Client({
    // Buckets of other stores than AWS have no host names of their own.
    forcePathStyle: endpoint !== null,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      // An answer that began may stop too.
      socketTimeout: ANSWER_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: MAX_REQUESTS },
      httpsAgent: { maxSockets: MAX_REQUESTS },
    },
    followRegionRedirects: true,
    expectContinueHeader: false,
    // Stores of other makers know nothing of AWS's checksums; what is read is checked against the digest that
    // history names.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The library never prints.
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const turns = atMost(MAX_REQUESTS);
  return { endpoint, request: (work) => turns(() => work(client)) };
}

/**
 * `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or `endpoint_url` of the profile: the SDK has it under a name
 * that its types leave out.
 */
async function configuredEndpoint(): Promise<string | null> {
  const { serviceConfiguredEndpoint } = new S3Client().config as unknown as {
    serviceConfiguredEndpoint(): Promise<string | undefined>;
  };
  return (await serviceConfiguredEndpoint()) ?? null;
}
