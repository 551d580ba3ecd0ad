/** The location of a stage on S3: a bucket, and a prefix in it. */
export interface S3Location {
  bucket: string;
  /** Empty, or ends in `/`. */
  prefix: string;
}

export const SCHEME = 's3://';
/**
 * Names that S3, GCS and MinIO allow: 3 to 63 lower-case letters, digits, dots, hyphens and underscores.
 */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/;

/** Parses `s3://bucket/prefix`. Throws if it is invalid. */
export function parseS3(uri: string): S3Location {
  const [bucket = '', ...path] = uri.slice(SCHEME.length).split('/');
  if (!BUCKET.test(bucket)) {
    throw new Error(
      `The stage "${uri}" does not name a bucket: write s3://bucket/prefix, with the name of the bucket in lower-case letters, digits, dots and hyphens.`,
    );
  }
  const parts = path.filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..' || part.includes('\0')))
    throw new Error(`The stage "${uri}" has a path with "." or "..": write it without them.`);
  return { bucket, prefix: parts.map((part) => `${part}/`).join('') };
}

export function s3Uri({ bucket, prefix }: S3Location): string {
  return `${SCHEME}${bucket}/${prefix}`;
}
