/** All kinds of warehouse. To add one: a folder here, and a line in this list. */
import { duckdb } from './duckdb/kind';
import type { WarehouseKind } from './kind';
import { snowflake } from './snowflake/kind';

export const WAREHOUSE_KINDS: readonly WarehouseKind[] = [duckdb, snowflake];
