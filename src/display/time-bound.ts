import { durationText } from './measures';

/** A sentence about the time of a planned run, without the id of the run that it is taken from. */
export function boundSentence(bound: {
  msPerRow: number;
  maxConcurrency: number;
  atLeastMs: number;
}): string {
  const { msPerRow, maxConcurrency, atLeastMs } = bound;
  const each = `${Number(msPerRow.toPrecision(2))} ms`;
  const lanes = maxConcurrency === 1 ? '1 unit at a time' : `${maxConcurrency} units at a time`;
  const condition = `with ${lanes}, if a row takes ${each} as in the last run of the function:`;
  // Of so little, most of the time is that of starting.
  if (atLeastMs < 1_000) return `The calls take less than a second ${condition}`;
  return `At least ${durationText(atLeastMs)} ${condition}`;
}
