/** Whether a source's `files` are on a stage: `s3://bucket/prefix`, or `@DATABASE.SCHEMA.STAGE/path`. */
export function isOnStage(files: string): boolean {
  return /^(s3:\/\/|snowflake:\/\/|@)/.test(files);
}
