/** Converts the AWS SDK's errors to ones that say what to do. */
import { Refusal } from '../../core/refusal';
import { StageUnavailable } from '../stage';

/** Errors about the credentials rather than the request. */
const UNKNOWN_CREDENTIALS = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'ExpiredToken',
  'InvalidClientTokenId',
]);
/** The request was signed for another region. */
const OTHER_REGION = new Set([
  'AuthorizationHeaderMalformed',
  'PermanentRedirect',
  'IllegalLocationConstraintException',
]);
/** Node's errors about the authority of an https:// endpoint's certificate. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
/** What stores other than AWS answer when they, or a quota, are full: versitygw, Ceph, MinIO. */
const FULL = new Set([
  'InsufficientStorage',
  'QuotaExceeded',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
]);
/** Transient errors with a status below 500. */
const TRANSIENT = new Set(['ConditionalRequestConflict', 'PreconditionFailed', 'RequestTimeout', 'SlowDown']);

interface SdkError {
  name: string;
  message: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

interface Asked {
  uri: string;
  bucket: string;
  /** The key of an object, or a prefix. */
  key: string;
  /** Null for AWS itself. */
  endpoint: string | null;
}

export function statusOf(error: unknown): number | null {
  return (error as Partial<SdkError> | undefined)?.$metadata?.httpStatusCode ?? null;
}

/**
 * Returns a `Refusal` for errors that no retry can fix, `StageUnavailable` for transient ones, and other
 * errors as they are.
 */
export function explained(error: unknown, asked: Asked): unknown {
  if (!(error instanceof Error)) return error;
  const { uri, key } = asked;
  const status = statusOf(error);
  const store = asked.endpoint ?? 'AWS';
  const { name, code } = error as SdkError;
  const reason = reasonOf(error);
  const options = { cause: error };
  // Stores answer with 403, as if a permission were missing.
  if (FULL.has(name) || status === 507)
    return new StageUnavailable(
      `The stage ${uri} is full: ${store} has no space for "${key}" (${name}: ${reason}). ` +
        'Free up space there or raise the quota; the run then continues automatically.',
      options,
    );
  const refusal = refusalOf(error, asked, reason);
  if (refusal !== null)
    return new Refusal('StageUnreachable', [`The stage ${uri} cannot be used: ${refusal}`]);
  if (status === null ? code !== undefined || name === 'TimeoutError' : isTransient(name, status))
    return new StageUnavailable(
      status === null
        ? `The stage ${uri} did not answer at ${store} for "${key}" (${name === 'Error' ? '' : `${name}: `}${reason}). ` +
            'Check the network, AWS_ENDPOINT_URL_S3 and AWS_REGION.'
        : `The stage ${uri} is unavailable: ${store} returned HTTP ${status} for "${key}" (${name}: ${reason}).`,
      options,
    );
  return status === null
    ? error
    : new Error(
        `The stage ${uri}: ${store} returned HTTP ${status} for "${key}" (${name}: ${reason}).`,
        options,
      );
}

function isTransient(name: string, status: number): boolean {
  return status >= 500 || status === 429 || TRANSIENT.has(name);
}

function reasonOf({ name, message, code }: SdkError): string {
  // If several addresses were tried, the error's message is empty.
  return message === '' ? (code ?? name) : message.trim();
}

/** Why no retry can help, and what to do; null if one can. */
function refusalOf(error: SdkError, { uri, bucket, key, endpoint }: Asked, reason: string): string | null {
  const { name, code = '' } = error;
  const status = statusOf(error);
  const store = endpoint ?? 'AWS';
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError')
    return `no credentials were found (${reason}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role.`;
  if (reason === 'Region is missing')
    return 'no region was found. Set AWS_REGION, or "region" of the profile.';
  if (code === 'ERR_INVALID_URL')
    return `the endpoint "${store}" is not a URL. Set AWS_ENDPOINT_URL_S3 to one such as http://localhost:9000.`;
  if (code === 'CERT_HAS_EXPIRED') return `the certificate of ${store} has expired. Renew it there.`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate of ${store} is for another host (${reason}). Name that one in AWS_ENDPOINT_URL_S3.`;
  if (UNTRUSTED.has(code))
    return `the certificate of ${store} is not trusted here (${reason}). Set NODE_EXTRA_CA_CERTS to a file with the certificate of the authority that signed it.`;
  if (OTHER_REGION.has(name))
    return `${store} expects another region (${name}: ${reason}). Set AWS_REGION, or "region" of the profile, to the bucket's.`;
  if (name === 'NoSuchBucket')
    return `there is no bucket "${bucket}" at ${store}. Create it, name another with "stage", or name another store with AWS_ENDPOINT_URL_S3.`;
  if (UNKNOWN_CREDENTIALS.has(name))
    return `${store} rejected the credentials (${name}: ${reason}). Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile that AWS_PROFILE names.`;
  if (status === 401 || status === 403)
    return (
      `${store} denied access to "${key}" (${name}). The credentials must allow s3:GetObject, s3:PutObject and s3:DeleteObject ` +
      `on ${uri}*, and s3:ListBucket on the bucket: without it, access to missing objects is denied.`
    );
  if (status === 501)
    return `${store} does not support a request that a stage needs (${name}: ${reason}). Use another store.`;
  return null;
}
