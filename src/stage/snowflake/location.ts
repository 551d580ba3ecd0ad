/** The location of a stage on Snowflake: a connection's name, the stage's name, and a folder on it. */
import { CONNECTION_NAME, defaultConnection } from '../../snowflake';
import { parseName, quoteName } from '../../snowflake/names';

export interface StageLocation {
  connection: string;
  /** Database, schema and stage, as Snowflake resolves them. */
  name: [string, string, string];
  /** On the stage; empty, or ends in `/`. */
  folder: string;
}

export const SCHEME = 'snowflake://';

/** Parses `snowflake://NAME/@DB.SCHEMA.STAGE/path/`. Throws if it is invalid. */
export function parseLocation(uri: string): StageLocation {
  const [, connection, place] = /^([^/]*)\/(@.*)$/s.exec(uri.slice(SCHEME.length)) ?? [];
  if (connection === undefined || !CONNECTION_NAME.test(connection)) {
    throw new Error(
      `The stage "${uri}" does not name a Snowflake connection: write snowflake://CONNECTION/@DATABASE.SCHEMA.STAGE/path.`,
    );
  }
  return locate(place!, connection);
}

/**
 * The absolute URI of `@DB.SCHEMA.STAGE/path`. If `warehouse` is on Snowflake, the stage uses its connection.
 */
export function stageUriOf(place: string, warehouse: string | null): string {
  const named = warehouse?.startsWith('snowflake:') === true ? warehouse.slice('snowflake:'.length) : '';
  return uriOf(locate(place, named === '' ? defaultConnection() : named));
}

export function uriOf(location: StageLocation): string {
  return `${SCHEME}${location.connection}/@${nameOf(location)}/${location.folder}`;
}

/** `DB.SCHEMA.STAGE`, quoted where needed. */
export function nameOf({ name }: StageLocation): string {
  return name.map((part) => (/^[A-Z_][A-Z0-9_$]*$/.test(part) ? part : quoteName(part))).join('.');
}

function locate(place: string, connection: string): StageLocation {
  const [, text, path = ''] = /^@((?:"(?:[^"]|"")*"|[^"/])*)(?:\/(.*))?$/s.exec(place) ?? [];
  const name = text === undefined ? null : parseName(text);
  if (name?.length !== 3) {
    throw new Error(
      `The stage "${place}" is not fully qualified: write @DATABASE.SCHEMA.STAGE/path, so that every worker uses the same one.`,
    );
  }
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..' || part.includes('\0')))
    throw new Error(`The stage "${place}" has a path with "." or "..": write it without them.`);
  return {
    connection,
    name: name as StageLocation['name'],
    folder: parts.map((part) => `${part}/`).join(''),
  };
}
