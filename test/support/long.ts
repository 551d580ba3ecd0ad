/** Tests for which `npm test` has no time: `npm run test:long` runs them. */
import { it } from '@jest/globals';

export const LONG = process.env['LONG_TESTS'] === '1';

export const itLong: typeof it.skip = LONG ? it : it.skip;
