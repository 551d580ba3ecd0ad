/** A run's state on one screen. */
import { showJson } from '../../core/json';
import { runtimeText } from '../../core/runtime';
import { partitionName } from '../../core/partition-name';
import type { FailureGroup, ProcessedInput, RunState } from '../..';
import { countsBar, countsText, reusedText } from '../../display/counts';
import { durationText, elapsed, timeText } from '../../display/measures';
import { type Paint, statusColour } from '../../display/paint';
import { renderFailures } from './failures';
import { keyText, sourceText } from '../../display/processed';
import { clean, cleanLines, cut, plural } from '../../display/text';
import { retryLine, waitingText } from '../../display/waiting';

const BAR_WIDTH = 40;
/** `partwise failures` lists all of them. */
const MAX_CAUSES = 5;
/** `partwise partitions` shows the next attempt of each. */
const MAX_RETRIES = 5;

/** Status, counts as a bar, the largest causes of failures, and what the run is waiting for. */
export function renderRunState(
  state: RunState,
  failures: readonly FailureGroup[],
  width: number,
  paint: Paint,
): string {
  const lines = [
    `${paint.bold(clean(state.runId))}  ${statusColour(state.status, paint)(state.status)}${state.paused ? `  ${paint.yellow('PAUSED')}` : ''}  ${paint.dim(timing(state))}`,
  ];
  const about = [
    state.function === null ? null : `function ${clean(state.function)}`,
    state.scheduledTime === null ? null : `scheduled for ${timeText(state.scheduledTime, 'UTC')} UTC`,
    state.rows === null ? null : plural(state.rows, 'row'),
    state.endedAt !== null || state.maxConcurrency === null ? null : `${state.maxConcurrency} at a time`,
    state.executions.length > 1 ? `execution ${state.executions.length}` : null,
    state.archived ? 'read from a recorded history' : null,
  ].filter((part) => part !== null);
  if (about.length > 0) lines.push(paint.dim(about.join(', ')));
  if (state.runtime !== null) lines.push(paint.dim(clean(runtimeText(state.runtime))));
  if (state.counts.total > 0) {
    lines.push(
      `${countsBar(state.counts, Math.min(BAR_WIDTH, width), paint)}  ${countsText(state.counts, paint)}${reusedText(state.reused, paint)}`,
    );
  }
  for (const other of state.reusedRuntimes)
    lines.push(paint.yellow(`reused partitions ran on ${clean(runtimeText(other))}`));
  if (state.paused) lines.push(paint.yellow(pausedText(state)));
  lines.push(...renderFailures(failures, MAX_CAUSES, width, paint), ...retryLines(state, width, paint));
  if (state.waiting !== null) lines.push(paint.yellow(waitingText(state.waiting)));
  if (state.error !== null && state.status !== 'CANCELLED')
    lines.push(`${paint.red(state.error.type)}: ${cleanLines(state.error.message)}`);
  if (state.models !== null) lines.push(...modelLines(state.models, paint));
  if (state.commit !== null) lines.push(commitLine(state.commit, paint));
  return lines.join('\n');
}

function pausedText({ pausedBy, pausedAt }: RunState): string {
  const by = pausedBy === null ? '' : ` by ${clean(pausedBy)}`;
  return `paused${by}${pausedAt === null ? '' : ` at ${timeText(pausedAt, 'UTC')} UTC`}`;
}

/** Where the rows are from, and what the function was given; `--json` has all of what is cut here. */
export function renderInput(input: ProcessedInput, width: number, paint: Paint): string {
  const { source, where, sql, params } = input;
  const lines = [
    `from ${sourceText(source)}, ${keyText(input)}`,
    ...(where === null ? [] : [`where ${where}`]),
    ...(sql === null ? [] : [`sql ${sql}`]),
    ...(Object.keys(params).length === 0 ? [] : [`params ${showJson(params, 0)}`]),
  ];
  return lines.map((line) => paint.dim(cut(clean(line), width))).join('\n');
}

function retryLines(
  { retries: { first, partitions }, asOf }: RunState,
  width: number,
  paint: Paint,
): string[] {
  const shown = first.slice(0, MAX_RETRIES);
  const more = partitions - shown.reduce((sum, retry) => sum + retry.partitions, 0);
  return [
    ...shown.map((retry) => retryLine(retry, Date.parse(asOf), width, paint)),
    ...(more > 0
      ? [paint.dim(`  … and ${plural(more, 'partition')} more with another attempt to come`)]
      : []),
  ];
}

function timing(state: RunState): string {
  if (state.endedAt === null) return `running for ${elapsed(state.startedAt, null, state.asOf)}`;
  return `took ${durationText(Date.parse(state.endedAt) - Date.parse(state.startedAt))}`;
}

function commitLine({ rows, target, modelVersion }: NonNullable<RunState['commit']>, paint: Paint): string {
  if (modelVersion === undefined)
    return `${paint.dim('wrote')} ${plural(rows, 'row')} ${paint.dim('to')} ${clean(target)}`;
  return `${paint.dim('registered')} ${plural(rows, 'model')} ${paint.dim('as')} ${clean(target)} ${paint.dim('version')} ${modelVersion}`;
}

function modelLines(
  { label, missing, firstMissing }: NonNullable<RunState['models']>,
  paint: Paint,
): string[] {
  const used = `${paint.dim('with')} ${clean(label)}`;
  if (missing === 0) return [used];
  const more = missing > firstMissing.length ? ', …' : '';
  return [
    used,
    paint.yellow(
      `${plural(missing, 'partition')} without a model: ${clean(firstMissing.map(partitionName).join(', '))}${more}`,
    ),
  ];
}
