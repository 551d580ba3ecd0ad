/**
 * The contents of an exported file: JSON, then columns of numbers. Pure; written by the server or the CLI,
 * and read by the page in the file.
 */
import type { PartitionView, UnitView } from '../..';
import type { ArtifactPreview, ColumnFigures, ResultsAnswer, ReturnedRows, RunNow } from './types';

/** Id of the element with the contents, as base64 of gzip. */
export const DATA_ID = 'run';

export interface ExportHead {
  /** Version of Partwise that wrote the file. */
  version: string;
  /** Whether keys and messages are left out. */
  isRedacted: boolean;
  now: RunNow;
  units: UnitView[];
  /** Of the partitions of `ordinals`, in this order; null if they are left out. */
  ids: string[] | null;
  /** Null if the functions returned nothing, or if it is left out. */
  results: ExportedResults | null;
  /** Whether there may be results, which could not be read. */
  lacksResults: boolean;
  /** Partitions that have a page in the file. */
  partitions: ExportedPartition[];
}

/** The first rows that the functions returned, and figures of all of them. */
export interface ExportedResults {
  page: ResultsAnswer;
  figures: ColumnFigures[];
}

export interface ExportedPartition {
  /** Only with the artifacts that are in the file. */
  view: PartitionView;
  /** Null if there are none, or if they are too many. */
  rows: ReturnedRows | null;
  /** `at`: where it begins in the contents of all artifacts. */
  artifacts: { name: string; preview: ArtifactPreview; at: number }[];
}

/** Exact values of the partitions with these ordinals, which are ascending. */
export interface ExactColumns {
  ordinals: Int32Array;
  attempts: Int32Array;
  rows: Float64Array;
  returnedRows: Int32Array;
  startedAt: Float64Array;
  durationMs: Float64Array;
}

export interface ExportedRun {
  head: ExportHead;
  /** All planes of all partitions, see `cells.ts`. */
  cells: Uint8Array;
  /** Of all partitions: in most runs it is the same number, which needs no space. */
  execution: Int32Array;
  exact: ExactColumns;
  /** Contents of the artifacts of `head.partitions`. */
  artifacts: Uint8Array;
}

const TYPES = { Uint8Array, Int32Array, Float64Array } as const;
type Column = Uint8Array | Int32Array | Float64Array;
type Layout = readonly (readonly [name: string, type: keyof typeof TYPES, length: number])[];

/** Columns start at multiples of this, so that they can be read in place. */
const ALIGNED = 8;

export function encodeExport({ head, cells, execution, artifacts, exact }: ExportedRun): Uint8Array {
  const columns = Object.entries<Column>({ cells, execution, artifacts, ...exact });
  const layout: Layout = columns.map(([name, column]) => [name, typeOf(column), column.length]);
  const text = new TextEncoder().encode(JSON.stringify({ head, layout }));
  let size = aligned(4 + text.length);
  const places = columns.map(([, { byteLength }]) => {
    const at = size;
    size = aligned(size + byteLength);
    return at;
  });
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  columns.forEach(([, column], i) =>
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), places[i]),
  );
  return bytes;
}

/** Throws for bytes that are not such contents. */
export function decodeExport(bytes: Uint8Array): ExportedRun {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const { head, layout } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as {
    head: ExportHead;
    layout: Layout;
  };
  let at = aligned(4 + length);
  const columns = Object.fromEntries(
    layout.map(([name, type, count]) => {
      const column = new TYPES[type](bytes.buffer as ArrayBuffer, bytes.byteOffset + at, count);
      at = aligned(at + column.byteLength);
      return [name, column];
    }),
  ) as Record<string, never>;
  const { cells, execution, artifacts, ...exact } = columns as unknown as ExactColumns &
    Omit<ExportedRun, 'head' | 'exact'>;
  return { head, cells, execution, artifacts, exact };
}

function typeOf(column: Column): keyof typeof TYPES {
  if (column instanceof Float64Array) return 'Float64Array';
  return column instanceof Int32Array ? 'Int32Array' : 'Uint8Array';
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNED) * ALIGNED;
}
