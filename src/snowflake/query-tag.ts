/** The tag that shows a statement's purpose in Snowflake's query history. */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface QueryTag {
  run?: string;
  /** The activity: `open`, `plan`, `unit`, `commit`, … */
  step?: string;
  /** The unit's number. */
  unit?: number;
  partition?: string;
  attempt?: number;
}

/** Snowflake's limit is 2,000 characters. */
const MAX_ID = 400;

const current = new AsyncLocalStorage<QueryTag>();

/** Adds the tag's fields to the statements that `work` runs. */
export function withQueryTag<T>(tag: QueryTag, work: () => T): T {
  return current.run({ ...current.getStore(), ...tag }, work);
}

/** JSON, such as `{"app":"partwise","run":"nightly","step":"plan","attempt":1}`. */
export function queryTag(more: QueryTag = {}): string {
  const { run, partition, ...rest } = { ...current.getStore(), ...more };
  return JSON.stringify({
    app: 'partwise',
    ...(run !== undefined && { run: run.slice(0, MAX_ID) }),
    ...(partition !== undefined && { partition: partition.slice(0, MAX_ID) }),
    ...rest,
  });
}
