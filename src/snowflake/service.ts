import type { Service } from '../core/service';
import { refusalOf } from './errors';
import { closeSessions } from './pools';
import { withQueryTag } from './query-tag';

/** The service behind both the warehouse and the stage on Snowflake. */
export const SNOWFLAKE: Service = {
  packages: ['snowflake-sdk'],
  credentials: [/^SNOWFLAKE_/i, /^PRIVATE_KEY_PASSPHRASE$/i],
  settings: [/^SNOWFLAKE_(?!DISABLE_).+$/, /^PRIVATE_KEY_PASSPHRASE$/],
  ownVariables: [/^SNOWFLAKE_DISABLE_/],
  refusal: refusalOf,
  tagged: withQueryTag,
  close: closeSessions,
};
