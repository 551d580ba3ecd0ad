import { SNOWFLAKE } from '../../snowflake/service';
import type { StageKind } from '../kind';
import { nameOf, parseLocation, SCHEME, stageUriOf, uriOf } from './location';

/**
 * `@DATABASE.SCHEMA.STAGE/path`, whose absolute URI is `snowflake://CONNECTION/@DATABASE.SCHEMA.STAGE/path/`.
 */
export const snowflake: StageKind = {
  example: 'a stage on Snowflake, such as "@DATABASE.SCHEMA.STAGE/path"',
  service: SNOWFLAKE,
  encrypts: true,
  matches: (value) => value.startsWith('@') || value.startsWith(SCHEME),
  resolve: (value, { warehouse }) =>
    value.startsWith('@') ? stageUriOf(value, warehouse) : uriOf(parseLocation(value)),
  portable(uri) {
    const location = parseLocation(uri);
    return `@${nameOf(location)}/${location.folder}`;
  },
  open(uri) {
    const { SnowflakeStage }: typeof import('./snowflake-stage') = require('./snowflake-stage');
    return new SnowflakeStage(uri);
  },
};
