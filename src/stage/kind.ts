import type { Service } from '../core/service';
import type { Stage } from './stage';

/**
 * A kind of stage, as listed in `stage/kinds.ts`. It is cheap to load: `open` loads the stage itself and any
 * driver.
 */
export interface StageKind {
  /** An example, to complete "it takes …". */
  example: string;
  /**
   * Null for local files. A stage of a service is opened once per process, since it caches what was read.
   */
  service: Service | null;
  /** Whether the value, in the user's spelling or as an absolute URI, is of this kind. */
  matches(value: string): boolean;
  /** Returns the absolute URI; a value that is one already stays the same. Throws if the value is invalid. */
  resolve(value: string, place: StagePlace): string;
  /**
   * Returns the absolute URI without parts that are valid only on this machine, for records that other
   * machines read; `resolve` adds them there.
   */
  portable?(uri: string): string;
  /** Whether the service always encrypts what is there, and reads and writes it itself. */
  encrypts?: true;
  /** `token` is the one that the stage must have (`Stage.token`), or null for any. */
  open(uri: string, token: string | null): Stage;
}

export interface StagePlace {
  /** Folder that relative paths start at. */
  projectDir: string;
  /** URI of the run's warehouse, or null if there is none. */
  warehouse: string | null;
}
