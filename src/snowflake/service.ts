import { refusalOf } from './errors';
import { closeSessions } from './pools';
import { withQueryTag } from './query-tag';

/** Snowflake, behind its warehouse and its stage alike. */
export const SNOWFLAKE = {
  packages: ['snowflake-sdk'],
  credentials: [/^SNOWFLAKE_/i, /^PRIVATE_KEY_PASSPHRASE$/i],
  // `SNOWFLAKE_DISABLE_…` is for the driver, in whichever process loads it.
  settings: [/^SNOWFLAKE_(?!DISABLE_).+$/, /^PRIVATE_KEY_PASSPHRASE$/],
  refusal: refusalOf,
  tagged: withQueryTag,
  close: closeSessions,
};
