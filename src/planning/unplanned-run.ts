/**
 * A run that was accepted but ended before it was planned: there is nothing to continue, but its input is
 * recorded.
 */
import { isDeepStrictEqual } from 'node:util';
import { resumedInput, type Resumed } from '../input/continue-input';
import type { Reading } from '../reader/run-reader';
import type { RunInput } from '../core/input';
import { quote } from '../core/quote';
import { givenInput } from './opened-run';
import type { EarlierExecutions } from './earlier-executions';

/**
 * The input of that run (`basis`) with the changes in `raw`; null if no execution of the id was accepted, or
 * it has expired.
 */
export async function resumeUnplanned(
  raw: Partial<RunInput>,
  earlier: EarlierExecutions,
): Promise<(Resumed & { basis: Reading }) | null> {
  const basis = (await earlier.newest())?.reading;
  const opened = basis?.record.opened;
  if (opened == null) return null;
  const { input, problems } = resumedInput(raw, givenInput(opened));
  if (raw.only != null && !isDeepStrictEqual(raw.only, input.only)) {
    problems.push(
      `"only" is ${quote(raw.only)}, but the run "${opened.runId}" ended before it had partitions to choose from: ` +
        'leave it out to run all of them.',
    );
  }
  for (const name of ['failedWith', 'ordinals'] as const) {
    if (raw[name] == null) continue;
    problems.push(
      `"${name}" is ${quote(raw[name])}, but the run "${opened.runId}" ended before it had partitions to choose from: ` +
        'leave it out to run all of them.',
    );
  }
  return { input, problems, basis: basis! };
}
