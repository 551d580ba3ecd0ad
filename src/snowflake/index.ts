export { CONNECTION_NAME, defaultConnection, unusedSettings } from './connection-options';
export { isForbidden, isUnknownObject, SnowflakeError } from './errors';
export { closeSessions, poolOf } from './pools';
export type { SessionPool } from './pool';
export { withQueryTag } from './query-tag';
export type { Result, ResultColumn, Session, StatementOptions, TextRow } from './session';
