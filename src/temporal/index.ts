/** Temporal, as the rest of Partwise uses it. */
export { backgroundState, endAbandonedServer, endBackground } from './host/background';
export { describeBinary, findTemporalBinary } from './binary/binary';
export { connectTemporal, type TemporalSession } from './connection';
export { runHostInForeground } from './host/dev';
export { attachEmbedded, type AttachOptions, type EmbeddedTemporal } from './host/embedded';
export type { OnTemporalEvent, TemporalEvent } from './events';
export type { HostState } from './host/protocol';
export type { EmbeddedOptions } from './host/launch';
export { resolveTemporal, type ResolvedTemporal, type ServerConnectionOptions } from './named-server';
export { TemporalUnavailable } from './problems';
export type { TemporalSettings } from './settings';
export { projectSecret } from './state-folder';
export type { HostMessage, WorkerEnvironment, WorkerMessage } from './host/worker-protocol';
export type { TemporalBinary } from './binary/temporal-binary';
