/**
 * Whether a source's `files` are on a stage, and not paths: `s3://bucket/prefix` and other URLs, or a name
 * such as `@DATABASE.SCHEMA.STAGE/path`.
 */
export function isOnStage(files: string): boolean {
  return /^(@|[a-z][a-z0-9+.-]*:\/\/)/i.test(files);
}
