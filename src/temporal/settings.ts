import type { DataConverter } from '@temporalio/common';

/** Which Temporal server a project uses. If empty, the embedded one. */
export interface TemporalSettings {
  /** `host:port` of a server. */
  address?: string;
  /** Name of a profile in Temporal's TOML configuration. */
  profile?: string;
  namespace?: string;
  /** Default `partwise`. */
  taskQueue?: string;
  apiKey?: string;
  tls?: boolean;
  /** Path of a Temporal CLI binary for the embedded server. */
  binary?: string;
  /** Codecs and encryption, the same for client, worker and history reader. */
  dataConverter?: DataConverter;
}
