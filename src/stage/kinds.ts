/** Every kind of stage: a new one is a folder here and a line in this list. */
import type { StageKind } from './kind';
import { local } from './local/kind';
import { s3 } from './s3/kind';
import { snowflake } from './snowflake/kind';

/** A value that several match is of the last of them: `local` takes any path. */
export const STAGE_KINDS: readonly StageKind[] = [local, s3, snowflake];
