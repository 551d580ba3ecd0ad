/**
 * Previews a run with the same checks and the same division into units as planning, without keeping anything.
 */
import type { Column } from '../core/plan';
import type { TypeGuesses } from '../core/type-guesses';
import type { ProjectConfig } from '../config';
import { parseRunInput } from '../input/parse-input';
import type { Quantiles } from '../core/quantiles';
import { Refusal } from '../core/refusal';
import { SQL_FUNCTION } from '../core/function-description';
import { scheduledFor } from '../input/scheduled-time';
import { cutUnits } from '../core/units/cut-units';
import { DEFAULT_WAREHOUSE, openWarehouse } from '../warehouse';
import { queryProblems, withoutWaiting } from '../planning/check-run';
import { timeBound, type Pace, type TimeBound } from './time-bound';
import { within } from './within';
import { partitionSizes, type SizeBin, type SizedPartition } from './partition-sizes';

/** A unit of a plan. */
export interface UnitSize {
  /** Its partition, or `first … last`; at most 200 bytes. */
  label: string;
  partitions: number;
  rows: number;
}

/** A preview of a run; nothing was started. */
export interface PlanPreview {
  partitions: number;
  /** Source rows. */
  rows: number;
  keyColumns: Column[];
  /** The columns that functions get. */
  columns: Column[];
  /** How the types were found, for CSV and JSON files; null: the source has types. */
  guesses: TypeGuesses | null;
  /** Number of activities. */
  units: number;
  /** Each of them, in the order in which they start: the largest first. */
  unitSizes: UnitSize[];
  /** How long the run takes at least; null for a query, or if no earlier run could be read in time. */
  time: TimeBound | null;
  /** The 100 largest partitions by rows, largest first. */
  largest: SizedPartition[];
  /** The 5 smallest partitions, smallest first; they may be among the largest, too. */
  smallest: SizedPartition[];
  /** Null without partitions. */
  quantiles: Quantiles | null;
  /** Partitions by size, in steps of 1, 2, 5, 10, 20, … rows. */
  histogram: SizeBin[];
}

/** Finds out how long rows of a function took; null if that is not known. */
export type FindPace = (functionName: string) => Promise<Pace | null>;

/** A plan waits this long for the time of an earlier run. */
const PACE_WITHIN_MS = 3_000;

/** Throws a `Refusal` with every problem. */
export function previewPlan(
  raw: unknown,
  project: ProjectConfig,
  findPace: FindPace,
  withinMs = PACE_WITHIN_MS,
): Promise<PlanPreview> {
  return withoutWaiting(() =>
    // A plan is good without it.
    preview(raw, project, (name) => within(withinMs, findPace(name)).catch(() => null)),
  );
}

async function preview(raw: unknown, project: ProjectConfig, findPace: FindPace): Promise<PlanPreview> {
  const parsed = parseRunInput(raw);
  if (!parsed.ok) throw new Refusal('InvalidInput', parsed.problems);
  const { source, partitionBy, where, only, warehouse, scheduledTime, timeZone, options } = parsed.input;
  const opened = openWarehouse(warehouse ?? project.warehouse ?? DEFAULT_WAREHOUSE, project.projectDir, {
    project,
  });
  const { rows, ids, ...shape } = await opened.count({
    source,
    partitionBy,
    where,
    scheduled: scheduledFor(scheduledTime, timeZone),
    only,
    maxPartitions: options.maxPartitions,
    allowEmpty: options.allowEmpty,
    signal: new AbortController().signal,
  });
  const { output } = parsed.input;
  const problems = [
    ...(await queryProblems(parsed.input, shape, null)),
    ...(output === null ? [] : await opened.inspectOutput(output)),
  ];
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
  const { maxConcurrency, partitionsPerUnit } = options;
  const units = cutUnits({ rows, id: (ordinal) => ids[ordinal]!, maxConcurrency, partitionsPerUnit });
  const unitSizes = units.map(({ from, to, label, partitions }) => ({
    label,
    partitions,
    rows: sumOf(rows.slice(from, to + 1)),
  }));
  return {
    partitions: rows.length,
    rows: sumOf(rows),
    keyColumns: shape.keyColumns,
    columns: shape.columns,
    guesses: shape.guesses ?? null,
    units: units.length,
    unitSizes,
    time: timeBound(
      // Runs of different statements all have this name, and say nothing about each other.
      parsed.input.function === SQL_FUNCTION ? null : await findPace(parsed.input.function),
      unitSizes.map((unit) => unit.rows),
      maxConcurrency,
    ),
    ...partitionSizes(rows, (ordinal) => ids[ordinal]!),
  };
}

function sumOf(rows: readonly number[]): number {
  return rows.reduce((sum, n) => sum + n, 0);
}
