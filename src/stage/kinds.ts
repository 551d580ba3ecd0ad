/** All kinds of stage. To add one: a folder here, and a line in this list. */
import type { StageKind } from './kind';
import { local } from './local/kind';
import { s3 } from './s3/kind';
import { snowflake } from './snowflake/kind';

/** If several kinds match a value, the last one applies: `local` matches any path. */
export const STAGE_KINDS: readonly StageKind[] = [local, s3, snowflake];
