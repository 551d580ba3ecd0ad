import type { DataConverter } from '@temporalio/common';
import type { KeySource, PayloadKeys } from '../trust/payload-keys';

/** How payloads are encrypted: with AES-256-GCM, before they leave the process that writes them. */
export interface EncryptionSettings {
  /**
   * The first key encrypts. Earlier keys stay in the list as long as runs that they encrypted are read. A key
   * is 32 bytes in base64 or as hexadecimal digits: the value of an environment variable whose name starts
   * with PARTWISE_KEY, or what a command prints.
   *
   * @example
   * keys: [
   *   { id: '2026-11', env: 'PARTWISE_KEY_2026_11' },
   *   { id: '2026-05', command: 'vault kv get -field=key secret/partwise/2026-05' },
   * ]
   */
  keys: KeySource[];
}

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
  /** Codecs of your own, the same for client, worker and history reader. */
  dataConverter?: DataConverter;
  /** Encrypts what runs put into Temporal's history. Default: nothing is encrypted. */
  encryption?: EncryptionSettings;
}

/** Settings with what they name: `dataConverter` encrypts with `keys`. */
export interface LoadedTemporalSettings extends TemporalSettings {
  keys?: PayloadKeys;
}
