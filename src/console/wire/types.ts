/** What the console's API takes and answers, in addition to what `--json` prints. Types only. */
import type {
  FilterOperator,
  PartitionStatus,
  Quantiles,
  RunComparison,
  RunState,
  SourceExcerpt,
  StackPlace,
  UnitView,
} from '../..';

/** What `GET /api/v1/project` answers. */
export interface ProjectInfo {
  /** Name of the project's folder; of the history file or stage without one. */
  name: string;
  version: string;
  /** Who looks at it, as a proxy has authenticated them; null without one. */
  user: string | null;
  /** Whether actions are possible. */
  readOnly: boolean;
  /** Whether there are schedules, models and plans: not for a history file. */
  hasProject: boolean;
  /** Where runs are read from: a server's address, `history file` or `stage`. */
  source: string;
}

/** A failure group as the page shows it. Its number is that of the cells' plane `group`. */
export interface GroupInfo {
  number: number;
  type: string | null;
  pattern: string | null;
  place: StackPlace | null;
  /** Of the code that threw at the place; null if it is unknown. */
  functionDigest: string | null;
  count: number;
  firstAt: string;
  lastAt: string;
  /** Selects this group in a retry; null if no text does. */
  failedWith: string | null;
  /** Null: left out of an exported file. */
  examples: { ordinal: number; id: string | null; message: string | null }[];
}

/** What `GET /api/v1/runs/ID/earlier-causes` answers: why partitions failed in the execution before. */
export type EarlierCauses = Pick<GroupInfo, 'type' | 'pattern'>[];

/** A run at one moment: an event of its stream. */
export interface RunNow {
  state: RunState;
  /** Version of the cells; the page fetches what has changed since its own. 0: they are still being read. */
  version: number;
  /** Partitions of the whole run; 0 until it is planned. */
  total: number;
  groups: GroupInfo[];
  /** Number of activities, by state. */
  units: { total: number; running: number; waiting: number; ended: number };
}

/** Columns of the table by which it is sorted. */
export type SortColumn =
  'key' | 'took' | 'rows' | 'returned' | 'attempts' | 'started' | 'status' | 'execution' | 'group';

export interface TableSort {
  column: SortColumn;
  descending: boolean;
}

/** From and to, both included; null: open. */
export type ValueRange = readonly [number | null, number | null];

/** Partitions that fulfil all of these. */
export interface PartitionFilter {
  status?: readonly PartitionStatus[];
  /** Number of a failure group. */
  group?: number;
  /** Ordinals from, and up to but not including. */
  ordinals?: readonly [number, number];
  /** The id contains it. */
  text?: string;
  /** Milliseconds. */
  took?: ValueRange;
  rows?: ValueRange;
  returned?: ValueRange;
  attempts?: ValueRange;
  execution?: ValueRange;
  reused?: boolean;
  /** Activity id of the unit that it ended in. */
  unit?: string;
  /** Identity of the worker of that unit. */
  worker?: string;
}

export interface TableQuery {
  filter: PartitionFilter;
  sort: TableSort;
  offset: number;
  limit: number;
}

export interface TableRow {
  ordinal: number;
  /** Null: left out of an exported file. */
  id: string | null;
  status: PartitionStatus;
  attempts: number;
  rows: number;
  returned: number;
  startedAt: string | null;
  /** Milliseconds. */
  took: number | null;
  execution: number;
  reused: boolean;
  /** Number of its failure group; 0: none. */
  group: number;
  /** False in an exported file that has only the partition's cells. */
  isExact: boolean;
}

/** A file of the table. */
export type TableFormat = 'csv' | 'json';

export interface TableAnswer {
  version: number;
  /** Partitions of the run. */
  total: number;
  /** Partitions that the filter selects. */
  selected: number;
  /** Of those that all conditions but the one on the status select, in the order of `PARTITION_STATUSES`. */
  counts: number[];
  rows: TableRow[];
}

/** What `POST /api/v1/runs/ID/position` takes: a table, and which of its rows is looked for. */
export interface PositionRequest extends Pick<TableQuery, 'filter' | 'sort'> {
  to:
    | /** The partition with this id or name, otherwise the first whose id contains it. */
      { by: 'id'; id: string }
      /** The nearest row after (`step` 1) or before (-1) a position whose partition has failed. */
    | { by: 'failure'; from: number; step: 1 | -1 };
}

export interface PositionAnswer {
  /** From 0; null if there is no such row. */
  position: number | null;
}

/** What `GET /api/v1/runs/ID/source?digest=…&file=…&line=…` answers. */
export interface SourceAnswer {
  /** Null if the console does not have the code. */
  excerpt: SourceExcerpt | null;
}

export type UnitsAnswer = UnitView[];

/** One axis of a matrix: a key column, and its values in key order; null is NULL. */
export interface MatrixAxis {
  name: string;
  values: (string | null)[];
}

export interface Matrix {
  rows: MatrixAxis;
  columns: MatrixAxis;
  /** By ordinal: the number of its row, times the number of columns, plus the number of its column. */
  places: number[];
}

/** What `GET /api/v1/runs/ID/matrix` answers. */
export interface MatrixAnswer {
  matrix: Matrix | null;
  /** A sentence about why there is none; null if there is. */
  why: string | null;
}

/** Every error that the API answers. */
export interface ErrorAnswer {
  error: { type: string; message: string };
}

/** What `POST /api/v1/runs/ID/figures` answers, for the partitions of a filter that have a duration. */
export interface Figures {
  /** Of the cells at the moment that they are about: some seconds ago, if a large run is in progress. */
  version: number;
  /** Milliseconds; null if none has ended. */
  took: Quantiles | null;
  /** Source rows. */
  rows: Quantiles | null;
  /** Partitions that have a duration. */
  timed: number;
  /** The slowest hundredth, rounded up, and its share of all the time: 0 to 1. */
  slowest: { partitions: number; share: number };
  medianMsPerRow: number | null;
  /**
   * The slowest first. `isLarge`: it is also among the hundredth with the most rows, and has twice the median
   * or more.
   */
  outliers: Outlier[];
}

export interface Outlier {
  ordinal: number;
  /** Null: left out of an exported file. */
  id: string | null;
  took: number;
  rows: number;
  isLarge: boolean;
}

/** What `GET /api/v1/runs/ID/partitions/P/rows` answers. */
export interface ReturnedRows {
  total: number;
  columns: ColumnView[];
  /** The first 200, with values as text; null is NULL. */
  rows: (string | null)[][];
}

/** What may be changed of a run in progress. */
export interface SettingsRequest {
  maxConcurrency?: number;
  /** A number, or a percentage such as `5%`. */
  toleratedFailures?: number | string;
}

/** What may be changed with a retry. */
export interface RetrySettings extends SettingsRequest {
  /** Of one call, such as `90s`. */
  timeout?: string;
}

/** What `POST /api/v1/runs/ID/actions/retry` and `…/preview-retry` take. */
export interface RetryRequest {
  /** Which of the partitions that are not DONE. */
  which:
    | { by: 'all' }
    | { by: 'cause'; failedWith: string }
    | { by: 'id'; id: string }
    | { by: 'filter'; filter: PartitionFilter }
    /** Such as `3,7-9`, of this generation: those that were picked one by one. */
    | { by: 'ordinals'; ordinals: string; generation: number };
  options?: RetrySettings;
}

/** What `preview-retry` and `preview-skip` answer. */
export interface SelectionPreviewed {
  partitions: number;
  /** The first thousand, such as `3,7-9`. */
  ordinals: string;
}

/** A column of a table. Numbers are aligned to the right. */
export interface ColumnView {
  name: string;
  /** DuckDB's; null if unknown. */
  type: string | null;
  isNumber: boolean;
}

/** What `POST /api/v1/runs/ID/partitions/P/preview` answers. */
export interface ArtifactPreview {
  kind: string;
  totalBytes: number;
  /** Whether everything was read, and has the recorded digest. */
  checked: boolean;
  /** The first 200 rows of a CSV or Parquet file; null for other kinds. */
  table: { columns: ColumnView[]; rows: (string | null)[][]; more: boolean } | null;
}

/** What `POST /api/v1/runs/ID/results` takes. */
export interface ResultsRequest {
  offset: number;
  limit: number;
  sort: { column: string; descending: boolean }[];
  where: { column: string; op: FilterOperator; value?: string }[];
}

export interface ResultsAnswer {
  columns: ColumnView[];
  rows: (string | null)[][];
  /** Rows that the filters select. */
  total: number;
}

/** What `POST /api/v1/runs/ID/results/columns` answers, for each of at most 50 columns. */
export interface ColumnFigures extends ColumnView {
  count: number;
  nulls: number;
  /** Approximately. */
  distinct: number;
  min: string | null;
  median: string | null;
  max: string | null;
  histogram: { from: number; to: number; count: number }[] | null;
}

/** What `GET /api/v1/runs/A/compare/B` answers. */
export interface ComparisonAnswer extends Omit<RunComparison, 'columns' | 'order'> {
  /** Partitions that differ in any way; `examples` are the first 200 of them. */
  different: number;
  /** log2 of the ratios of durations, b to a: of all partitions, or of some 20,000. */
  ratios: number[];
}
