/** Temporal, as the rest of Partwise uses it. */
export { backgroundState, endBackground } from './host/background';
export { describeBinary, findTemporalBinary } from './binary/find-binary';
export { connectTemporal } from './connection';
export { runHostInForeground } from './host/dev';
export { attachEmbedded, type EmbeddedTemporal } from './host/embedded';
export type { TemporalEvent } from './events';
export { resolveTemporal } from './named-server';
export { projectSecret } from './state-folder';
