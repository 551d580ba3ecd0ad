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
export function explained(error: unknown, { uri, bucket, key, endpoint }: Asked): unknown {
  if (!(error instanceof Error)) return error;
  const { name, code } = error as SdkError;
  const status = statusOf(error);
  const store = endpoint ?? 'AWS';
  // If several addresses were tried, the error's message is empty.
  const reason = error.message === '' ? (code ?? name) : error.message;
  const refused = (sentence: string) =>
    new Refusal('StageUnreachable', [`The stage ${uri} cannot be used: ${sentence}`]);

  if (name === 'CredentialsProviderError' || name === 'TokenProviderError')
    return refused(
      `no credentials were found (${reason}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role.`,
    );
  if (reason === 'Region is missing')
    return refused('no region was found. Set AWS_REGION, or "region" of the profile.');
  if (name === 'NoSuchBucket')
    return refused(
      `there is no bucket "${bucket}" at ${store}. Create it, name another with "stage", or name another store with AWS_ENDPOINT_URL_S3.`,
    );
  if (UNKNOWN_CREDENTIALS.has(name))
    return refused(
      `${store} rejected the credentials (${name}: ${reason}). Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile that AWS_PROFILE names.`,
    );
  if (status === 401 || status === 403)
    return refused(
      `${store} denied access to "${key}" (${name}). The credentials must allow s3:GetObject, s3:PutObject and s3:DeleteObject ` +
        `on ${uri}*, and s3:ListBucket on the bucket: without it, access to missing objects is denied.`,
    );
  const isTransient = status === null ? code !== undefined || name === 'TimeoutError' : status >= 500;
  if (isTransient || status === 429 || TRANSIENT.has(name))
    return new StageUnavailable(
      `The stage ${uri} did not answer at ${store} for "${key}" (${name === 'Error' ? '' : `${name}: `}${reason}). ` +
        'Check the network, AWS_ENDPOINT_URL_S3 and AWS_REGION.',
      { cause: error },
    );
  return status === null
    ? error
    : new Error(`The stage ${uri}: ${store} returned HTTP ${status} for "${key}" (${name}: ${reason}).`, {
        cause: error,
      });
}
