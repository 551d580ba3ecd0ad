/** Exports a run as one HTML file: the console's page of it, to read without a server. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { PARTITION_STATUSES, type RunHandle } from '../..';
import { readRun, runNow, type ReadRun } from '../read-run';
import { failedOnes, worthSeeing } from '../table/worth-seeing';
import { encodeCells, PLANES } from '../wire/cells';
import type { GroupInfo } from '../wire/types';
import { encodeExport, type ExactColumns, type ExportHead } from '../wire/export';
import { documentOf } from './document';
import { partitionPages } from './partition-pages';
import { redactGroup, redactState, redactUnits } from './redact';
import { sampleOf } from './sample';

/** Up to this many partitions have exact values and ids in the file. */
const ALL_EXACT = 10_000;
/** Number of partitions of a larger run that have. */
const EXACT_OF_LARGE = 1_000;
/** Number of failed partitions that have a page, of each cause as many. */
const MAX_FAILED = 100;

export interface ExportOptions {
  /** Version of Partwise. */
  version: string;
  /** Leave out keys, messages, and names of tables, files and workers. Default false. */
  redact?: boolean;
  /** The project's folder: places inside it are shown relative to it. */
  folder?: string | null;
  /** Names of artifacts to include, in which `*` stands for any text: at most 5 MB. None with `redact`. */
  artifacts?: readonly string[];
}

export interface ExportedFile {
  html: string;
  /** Partitions of the run, and how many of them have exact values and ids in the file. */
  partitions: number;
  exact: number;
  /** Why rows that functions returned are not in the file; null if they are, or if there are none. */
  missingRows: string | null;
}

/**
 * Reads the run as it is now. In a run of up to 10,000 partitions, all have exact values; in a larger one,
 * 1,000 have them (failed, slowest, largest, first), and times and counts of the others are within 5 %, which
 * the page says.
 *
 * @example
 * const { html } = await exportRun(partwise.getRun('regional-2024'), { version, redact: true });
 */
export async function exportRun(run: RunHandle, options: ExportOptions): Promise<ExportedFile> {
  return exportRead(await readRun(await run.snapshot(), options.folder ?? null), run, options);
}

/** Exports what was read of a run, as it is when this is called. Rows and artifacts are read from `run`. */
export async function exportRead(
  read: ReadRun,
  run: RunHandle,
  { version, redact = false, artifacts: patterns = [] }: Omit<ExportOptions, 'folder'>,
): Promise<ExportedFile> {
  const { snapshot, columns, units } = read;
  const ordinals = worthSeeing(read, columns.to <= ALL_EXACT ? ALL_EXACT : EXACT_OF_LARGE);
  const now = runNow(read, read.groupInfos, 1);
  // Columns of a run in progress change while this waits, so they are copied before.
  const cells = allCells(read);
  const execution = columns.execution.slice();
  const status = columns.status.slice();
  const exact = exactColumns(read, ordinals);
  const failed = failedOnes(read).slice(0, MAX_FAILED);
  const all = redact ? [] : await snapshot.ids(ordinals);
  const mayHavePage = patterns.length === 0 ? failed : new Set([...failed, ...ordinals]);
  const views = redact ? [] : await snapshot.partitions(Int32Array.from(mayHavePage));
  // Of a followed run, some may have ended since; in the file, they have not.
  const unchanged = views.filter((view) => PARTITION_STATUSES[status[view.ordinal]!] === view.status);
  const { partitions, artifacts } = await partitionPages(
    run,
    unchanged,
    new Set(failed),
    redact ? [] : patterns,
  );
  let missingRows: string | null = null;
  const results = redact
    ? null
    : await sampleOf(run).catch((error: Error) => {
        // The stage may be unreachable, or the run unplanned; what history has is exported all the same.
        missingRows = error.message;
        return null;
      });
  const head: ExportHead = {
    version,
    isRedacted: redact,
    now: {
      ...now,
      state: redact ? redactState(now.state) : now.state,
      groups: now.groups.map((group) => (redact ? redactGroup(group) : withoutCode(group))),
    },
    units: redact ? redactUnits(units) : units,
    ids: redact ? null : all,
    results,
    lacksResults: missingRows !== null,
    partitions,
  };
  const packed = await promisify(gzip)(encodeExport({ head, cells, execution, artifacts, exact }));
  return {
    html: documentOf(packed.toString('base64')),
    partitions: columns.to,
    exact: ordinals.length,
    missingRows,
  };
}

/** A digest would offer code that the file does not contain. */
function withoutCode(group: GroupInfo): GroupInfo {
  return { ...group, functionDigest: null };
}

function allCells({ planes, columns: { to } }: ReadRun): Uint8Array {
  return encodeCells(
    { version: 1, total: to, planes: PLANES, ranges: to === 0 ? [] : [[0, to]] },
    PLANES.map((plane) => planes[plane]),
  );
}

function exactColumns({ columns }: ReadRun, ordinals: Int32Array): ExactColumns {
  const { attempts, rows, returnedRows, startedAt, durationMs } = columns;
  return {
    ordinals,
    attempts: ordinals.map((ordinal) => attempts[ordinal]!),
    rows: Float64Array.from(ordinals, (ordinal) => rows[ordinal]!),
    returnedRows: ordinals.map((ordinal) => returnedRows[ordinal]!),
    startedAt: Float64Array.from(ordinals, (ordinal) => startedAt[ordinal]!),
    durationMs: Float64Array.from(ordinals, (ordinal) => durationMs[ordinal]!),
  };
}
