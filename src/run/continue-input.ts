/**
 * The input of a continuation (`onExisting: "resume"`). It may be as short as `{ "onExisting": "resume" }`: what it leaves out
 * is as the run has it. What made the run's partitions cannot change, since their rows are pinned; how the rest of them is run
 * can.
 */
import { isDeepStrictEqual } from 'node:util';
import { quote } from './quote';
import type { RunInput } from './input';
import { parseRunInput } from './parse-input';
import { isPartitionId } from './partition-id';

/** What a continuation may say anew. */
const CHANGEABLE = ['functions', 'sql', 'output', 'notify'] as const;
/** Not the run's: checked, or used, by themselves. */
const OWN = ['onExisting', 'only', 'options', 'warehouse', 'stage'];

export type Resumed = { input: RunInput; problems: string[] };

/** Whether an input that may be anything asks to continue a run. */
export function asksToResume(raw: unknown): raw is Partial<RunInput> {
  return typeof raw === 'object' && raw !== null && 'onExisting' in raw && raw.onExisting === 'resume';
}

/** `raw` laid over the run's own input. Its `only` is not merged: it narrows this execution, not the run. */
export function resumedInput(raw: Partial<RunInput>, run: RunInput): Resumed {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(raw)) {
    if (value == null || OWN.includes(name) || (CHANGEABLE as readonly string[]).includes(name)) continue;
    const before = run[name as keyof RunInput] ?? null;
    if (isDeepStrictEqual(value, before)) continue;
    problems.push(
      `"${name}" is ${quote(value)}, and the run has ${quote(before)}: a continuation runs on the partitions and rows that the ` +
        'run has pinned. Leave it out, or take a new snapshot with onExisting "overwrite".',
    );
  }
  const input: RunInput = { ...run, onExisting: 'resume' };
  for (const name of CHANGEABLE) if (raw[name] != null) Object.assign(input, { [name]: raw[name] });
  if (raw.options != null) {
    const retry = { ...run.options?.retry, ...raw.options.retry };
    input.options = { ...run.options, ...raw.options, retry };
  }
  return { input, problems };
}

/** What is wrong with the changes of a continuation by themselves, before the run is known. */
export function changeProblems(changes: Partial<RunInput>): string[] {
  const stand = {
    function: changes.sql == null ? 'any' : 'sql',
    source: { table: 'any' },
    partitionBy: ['any'],
  };
  // Ids have as many columns as the run's key, which is not known here.
  const { only, ...rest } = changes;
  const report = parseRunInput({ ...stand, ...rest });
  const badIds = (only ?? []).filter((id) => !isPartitionId(id));
  return [
    ...(report.ok ? [] : report.problems),
    ...badIds.map(
      (id) => `"only" has ${quote(id)}, which is no partition id: copy it from partwise partitions.`,
    ),
  ];
}
