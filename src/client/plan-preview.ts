/**
 * Previews a run with the same checks and the same division into units as planning, without keeping anything.
 */
import type { Column } from '../core/plan';
import type { TypeGuesses } from '../core/type-guesses';
import type { ProjectConfig } from '../config';
import { parseRunInput } from '../input/parse-input';
import { Refusal } from '../core/refusal';
import { scheduledFor } from '../input/scheduled-time';
import { cutUnits } from '../core/units/cut-units';
import { DEFAULT_WAREHOUSE, openWarehouse } from '../warehouse';
import { queryProblems, withoutWaiting } from '../planning/check-run';

const EXTREMES = 5;

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
  /** The largest partitions by rows, largest first. */
  largest: { id: string; rows: number }[];
  /** The smallest partitions, smallest first, without those in `largest`. */
  smallest: { id: string; rows: number }[];
  /** Partitions by size: `label` is a range of rows, such as `100 – 999`. */
  histogram: { label: string; partitions: number }[];
}

/** Throws a `Refusal` with every problem. */
export function previewPlan(raw: unknown, project: ProjectConfig): Promise<PlanPreview> {
  return withoutWaiting(() => preview(raw, project));
}

async function preview(raw: unknown, project: ProjectConfig): Promise<PlanPreview> {
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
  const bySize = rows.map((n, ordinal) => ({ id: ids[ordinal]!, rows: n })).sort((a, b) => b.rows - a.rows);
  return {
    partitions: rows.length,
    rows: rows.reduce((sum, n) => sum + n, 0),
    keyColumns: shape.keyColumns,
    columns: shape.columns,
    guesses: shape.guesses ?? null,
    units: units.length,
    largest: bySize.slice(0, EXTREMES),
    smallest: bySize.slice(Math.max(EXTREMES, bySize.length - EXTREMES)).reverse(),
    histogram: histogram(rows),
  };
}

/** Partitions grouped by the power of ten of their row count. */
function histogram(rows: readonly number[]): PlanPreview['histogram'] {
  if (rows.length === 0) return [];
  const digits = rows.map((n) => String(n).length);
  // Not Math.max(...digits), which would fail with a million arguments.
  const least = digits.reduce((a, b) => Math.min(a, b));
  const most = digits.reduce((a, b) => Math.max(a, b));
  return Array.from({ length: most - least + 1 }, (_, i) => {
    const power = least + i;
    const from = power === 1 ? 0 : 10 ** (power - 1);
    return {
      label: `${from.toLocaleString('en')} – ${(10 ** power - 1).toLocaleString('en')}`,
      partitions: digits.filter((d) => d === power).length,
    };
  });
}
