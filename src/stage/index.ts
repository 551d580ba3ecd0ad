import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { requirePackages } from '../files/optional-packages';
import type { Stage } from './stage';
import { LocalStage } from './local/local-stage';
import { parseS3, s3Uri } from './s3/location';
import { nameOf, parseLocation, stageUriOf, uriOf } from './snowflake/location';

export { makeFolder } from '../files/make-folder';
export { ObjectExists, ObjectMissing, StageUnavailable, type Stage } from './stage';
export { isStoredSize } from './stored-size';
export { ObjectDamaged } from '../core/object-damaged';

/** Stages that are not local, by URI: they keep copies of what is read again and again. */
const remote = new Map<string, Stage>();

/**
 * Opens the stage at an absolute URI: `file:///folder`, `s3://bucket/prefix/`, or
 * `snowflake://CONNECTION/@DATABASE.SCHEMA.STAGE/path/`. `token`: what the stage must have; a folder that is another stage by now, or
 * none, is then unavailable. (A bucket, or a stage on Snowflake, does not turn into another one.)
 */
export function openStage(uri: string, token: string | null = null): Stage {
  if (uri.startsWith('file://')) return new LocalStage(uri, token);
  const known = remote.get(uri) ?? openRemote(uri);
  remote.set(uri, known);
  return known;
}

/** Drivers are loaded by those who need them: each takes half a second. */
function openRemote(uri: string): Stage {
  requirePackages(uri);
  if (uri.startsWith('s3://')) {
    const { S3Stage }: typeof import('./s3/s3-stage') = require('./s3/s3-stage');
    return new S3Stage(uri);
  }
  if (!uri.startsWith('snowflake://')) throw unknownKind(uri);
  const {
    SnowflakeStage,
  }: typeof import('./snowflake/snowflake-stage') = require('./snowflake/snowflake-stage');
  return new SnowflakeStage(uri);
}

/**
 * The absolute URI of a stage as people write it. Relative paths begin at `projectDir`; `@DATABASE.SCHEMA.STAGE/path` is reached by
 * the connection of `warehouse`, the one that is named along with it, or by the default connection.
 */
export function stageUri(value: string, projectDir: string, warehouse: string | null): string {
  if (value.startsWith('file://')) return value;
  if (value.startsWith('@')) return stageUriOf(value, warehouse);
  const location = parseLocation(value);
  if (location !== null) return uriOf(location);
  const s3 = parseS3(value);
  if (s3 !== null) return s3Uri(s3);
  if (/^[a-z0-9]+:\/\//i.test(value)) throw unknownKind(value);
  return pathToFileURL(resolve(projectDir, value)).href;
}

/**
 * The URI as it is kept where others read it: a stage on Snowflake without the name of a connection, which is one machine's own.
 * `stageUri` makes it whole again.
 */
export function portableUri(uri: string): string {
  const location = parseLocation(uri);
  return location === null ? uri : `@${nameOf(location)}/${location.folder}`;
}

function unknownKind(value: string): Error {
  return new Error(
    `The stage "${value}" is of no known kind: use a folder, s3://bucket/prefix, or a stage on Snowflake, written as @DATABASE.SCHEMA.STAGE/path.`,
  );
}
