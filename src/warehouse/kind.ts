import type { WarehouseOptions } from '../core/normalized-input';
import type { Confinement } from '../duckdb/confinement';
import type { Service } from '../core/service';
import type { Warehouse } from './warehouse';

/**
 * A kind of warehouse, as listed in `warehouse/kinds.ts`. It is cheap to load: `open` loads the engine and
 * any driver.
 */
export interface WarehouseKind {
  /** The scheme of its URIs, without the colon. */
  scheme: string;
  /** An example URI, for messages and help. */
  example: string;
  /** Null for local files. */
  service: Service | null;
  /** Its options, below `options.warehouse` in a run's input. */
  options: readonly WarehouseOption[];
  /**
   * The tables whose earlier state it can read, which `snapshot: 'none'` needs, such as "tables with
   * history", or null if there are none.
   */
  readsBack: string | null;
  /** Returns the absolute URI for the part after the colon. Throws if it is invalid. */
  resolve(place: string, projectDir: string): string;
  /**
   * Opens the warehouse at an absolute URI. It connects and reads only when it is used.
   */
  open(uri: string, how: OpenWarehouse): Warehouse;
}

/** A string option, which is also a flag of `run`: `loadingWarehouse` is `--loading-warehouse`. */
export interface WarehouseOption {
  name: string;
  /** The value, to complete "it takes …". */
  takes: string;
  /** The help text of the flag. */
  help: string;
}

export interface OpenWarehouse {
  /** Folder that relative paths in sources and outputs start at. */
  projectDir: string;
  options: WarehouseOptions;
  /** The files that a run's SQL may read, or null for any. */
  confinement: Confinement | null;
  /** `duckdb.setup` of the configuration. */
  duckdbSetup: readonly string[];
}
