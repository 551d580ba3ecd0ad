import type { WarehouseOptions } from '../core/normalized-input';
import type { Confinement } from '../duckdb/confinement';
import type { Service } from '../stage/service';
import type { Warehouse } from './warehouse';

/**
 * A kind of warehouse, as `warehouse/kinds.ts` lists it. Light: the engine, and any driver, is loaded by
 * `open`.
 */
export interface WarehouseKind {
  /** The beginning of its URIs, up to the colon. */
  scheme: string;
  /** A URI, for messages and help. */
  example: string;
  /** Null: files of this machine. */
  service: Service | null;
  /** Settings of its own, below `options.warehouse` in a run's input. */
  options: readonly WarehouseOption[];
  /**
   * The tables that it can read later as they were, which `snapshot: 'none'` needs, such as "tables with
   * history"; null: none.
   */
  readsBack: string | null;
  /** The absolute URI of what follows the colon. Throws a sentence. */
  resolve(place: string, projectDir: string): string;
  /**
   * Opens the warehouse at an absolute URI. Nothing is read, and nobody connects, before it is asked for
   * something.
   */
  open(uri: string, how: OpenWarehouse): Warehouse;
}

/** A text; also a flag of `run`: `loadingWarehouse` is `--loading-warehouse`. */
export interface WarehouseOption {
  name: string;
  /** Completes "it takes …". */
  takes: string;
  /** For the help of the flag. */
  help: string;
}

export interface OpenWarehouse {
  /** Folder that relative paths in sources and outputs begin at. */
  projectDir: string;
  options: WarehouseOptions;
  /** The files that SQL of a run may read; null: any. */
  confinement: Confinement | null;
}
