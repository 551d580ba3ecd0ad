import type { Service } from './service';
import type { Stage } from './stage';

/**
 * A kind of stage, as `stage/kinds.ts` lists it. Light: the stage itself, and any driver, is loaded by
 * `open`.
 */
export interface StageKind {
  /** How people write one; completes "it takes …". */
  example: string;
  /**
   * Null: files of this machine. A stage of a service is opened once in a process, since it keeps copies of
   * what was read.
   */
  service: Service | null;
  /** Whether the value is of this kind, be it as people write it or an absolute URI. */
  matches(value: string): boolean;
  /** The absolute URI; the same for a value that is one already. Throws a sentence. */
  resolve(value: string, place: StagePlace): string;
  /**
   * The absolute URI without what only this machine knows, for records that others read; `resolve` completes
   * it there.
   */
  portable?(uri: string): string;
  /** `token`: what the stage must have (`Stage.token`); null: any. */
  open(uri: string, token: string | null): Stage;
}

export interface StagePlace {
  /** Folder that relative paths begin at. */
  projectDir: string;
  /** URI of the warehouse that is named along with the stage; null: none. */
  warehouse: string | null;
}
