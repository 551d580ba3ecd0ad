/**
 * Events while starting and using a Temporal server. `message` is a sentence for people; the rest is for
 * programs.
 */
import type { TemporalBinary } from './binary/types';

export type TemporalEvent = { message: string } & (
  | { type: 'binaryFetching'; origin: TemporalBinary['origin'] }
  /** One source of the binary failed; the next one is tried. */
  | { type: 'binarySkipped'; origin: TemporalBinary['origin'] }
  | { type: 'binaryFound'; binary: TemporalBinary }
  | { type: 'hostStarting' }
  | { type: 'hostReplaced' }
  /** A host of another build is used because runs are open. */
  | { type: 'hostOutdated' }
  | { type: 'hostLost' }
  | { type: 'hostEnding'; reason: string }
  | { type: 'serverReady'; address: string; takenUp: boolean }
  /** Where Temporal's own web UI can be opened once the server is ready. */
  | { type: 'uiReady'; url: string }
  | { type: 'serverLost' }
  | { type: 'serverStopped' }
  /** The server restarted on another port: earlier connections do not reach it. */
  | { type: 'serverMoved'; address: string }
  | { type: 'workerReady' }
  | { type: 'workerLost' }
  /** The worker cannot start, and is not retried until the next command. */
  | { type: 'workerStopped' }
);

export type OnTemporalEvent = (event: TemporalEvent) => void;
