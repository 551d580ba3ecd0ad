/**
 * Partitions of a run as bytes, one plane per property, for pictures of all of them: 1,000,000 partitions are
 * 1 MB a plane. Exact values come with the rows of the table. Pure; used by the server and the page.
 */

/** In the order in which they are sent. */
export const PLANES = ['status', 'duration', 'rows', 'attempts', 'group', 'returned'] as const;
export type Plane = (typeof PLANES)[number];

/** The lower bits of the plane `status` are the position in `PARTITION_STATUSES`; these are flags. */
export const STATUS_BITS = 0b0000_0111;
export const REUSED = 0b0000_1000;

/** In the plane `group`, all groups with this number or a larger one have it. The table knows them apart. */
const LAST_CELL_GROUP = 255;

/** The number that a group has in the cells. */
export function cellGroup(number: number): number {
  return Math.min(number, LAST_CELL_GROUP);
}

/** What a message describes. */
export interface CellsHeader {
  /** The version of the run's cells that one has after this message. */
  version: number;
  /** Partitions of the run. */
  total: number;
  planes: readonly Plane[];
  /** Ordinals, from and to (exclusive), that follow, plane by plane. */
  ranges: readonly (readonly [number, number])[];
}

const MAGIC = 0x50_57_43_31; // "PWC1"
const FIXED = 8;

/** `bytes` has the values of each plane, for all ranges. */
export function encodeCells(header: CellsHeader, bytes: readonly Uint8Array[]): Uint8Array {
  const head = new TextEncoder().encode(JSON.stringify(header));
  const size = bytes.reduce((sum, { length }) => sum + length, FIXED + head.length);
  const message = new Uint8Array(size);
  const view = new DataView(message.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, head.length);
  message.set(head, FIXED);
  let at = FIXED + head.length;
  for (const plane of bytes) {
    message.set(plane, at);
    at += plane.length;
  }
  return message;
}

/** Throws an `Error` for bytes that are not a message. */
export function decodeCells(message: Uint8Array): { header: CellsHeader; bytes: Uint8Array[] } {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (message.length < FIXED || view.getUint32(0) !== MAGIC)
    throw new Error('This is not a message of cells.');
  const from = FIXED + view.getUint32(4);
  const header = JSON.parse(new TextDecoder().decode(message.subarray(FIXED, from))) as CellsHeader;
  const length = header.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  if (message.length !== from + length * header.planes.length)
    throw new Error('The message of cells is cut off.');
  return {
    header,
    bytes: header.planes.map((_, plane) =>
      message.subarray(from + plane * length, from + (plane + 1) * length),
    ),
  };
}

/** Steps per doubling, so that a byte reaches from 0.05 ms to nine days, with an error of 5 %. */
const DURATION_STEPS = 7.5;
const SHORTEST_MS = 0.05;
/** A byte reaches from 1 to 3,800,000,000. */
const COUNT_STEPS = 8;

/** Milliseconds → byte; 0: none (NaN). */
export function durationByte(ms: number): number {
  if (Number.isNaN(ms)) return 0;
  return clamp(1 + Math.round(DURATION_STEPS * Math.log2(Math.max(ms, SHORTEST_MS) / SHORTEST_MS)));
}

/** The middle of what the byte stands for, in milliseconds; NaN for 0. */
export function durationOf(byte: number): number {
  return byte === 0 ? Number.NaN : SHORTEST_MS * 2 ** ((byte - 1) / DURATION_STEPS);
}

/** Number of rows → byte; 0 stands for 0. */
export function countByte(count: number): number {
  return count <= 0 ? 0 : clamp(1 + Math.round(COUNT_STEPS * Math.log2(count)));
}

/** The middle of what the byte stands for. */
export function countOf(byte: number): number {
  return byte === 0 ? 0 : 2 ** ((byte - 1) / COUNT_STEPS);
}

function clamp(value: number): number {
  return Math.min(255, Math.max(1, value));
}
