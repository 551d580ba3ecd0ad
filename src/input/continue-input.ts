/**
 * The input of a continuation (`onExisting: "retry"`). It may be as short as `{ "onExisting": "retry" }`:
 * omitted settings keep the run's values. Settings that determined the run's partitions cannot change, since
 * their rows are pinned; settings for how the remaining partitions run can.
 */
import { isDeepStrictEqual } from 'node:util';
import { quote } from '../core/quote';
import type { RunInput } from '../core/input';
import { asksToRetry } from './input-schema';
import { given } from './normalize-input';
import { parseRunInput } from './parse-input';
import { isPartitionId } from '../core/partition-id';

/** Settings of the run that a continuation may replace. */
const CHANGEABLE = ['functions', 'python', 'sql', 'output', 'notify'] as const;
/** Settings that only a continuation has: which partitions it runs. */
const SELECTING = ['rerunMissing', 'failedWith', 'ordinals', 'generation'] as const;
/** Settings that belong to the continuation, not to the run. They are checked or used separately. */
const OWN: readonly string[] = ['onExisting', 'only', ...SELECTING, 'options', 'warehouse', 'stage'];
/** Settings that are validated on their own, because they are not compared with the run's. */
const CHANGES = [...CHANGEABLE, 'only', ...SELECTING, 'options'] as const;

type InputField = Exclude<keyof RunInput, (typeof SELECTING)[number]>;

export type Resumed = { input: RunInput; problems: string[] };

/** Whether an input that may be anything asks to continue a run. */
export function asksToResume(raw: unknown): raw is Partial<RunInput> {
  return typeof raw === 'object' && raw !== null && 'onExisting' in raw && asksToRetry(raw.onExisting);
}

/** Overlays `raw` on the run's own input. `only` is not merged: it narrows this execution, not the run. */
export function resumedInput(raw: Partial<RunInput>, run: RunInput): Resumed {
  // enforces I9: clients other than Partwise's own do not check anything.
  const problems = changeProblems(Object.fromEntries(CHANGES.map((name) => [name, raw[name]])));
  for (const [name, value] of Object.entries(raw)) {
    if (value == null || OWN.includes(name) || (CHANGEABLE as readonly string[]).includes(name)) continue;
    if (isSame(name as InputField, value, run)) continue;
    const before = run[name as keyof RunInput] ?? null;
    problems.push(
      `"${name}" is ${quote(value)}, but the run has ${quote(before)}: a continuation runs on the partitions and rows that the ` +
        'run pinned. Remove it, or take a new snapshot with onExisting "overwrite".',
    );
  }
  const input: RunInput = { ...run, onExisting: 'retry' };
  for (const name of CHANGEABLE) if (raw[name] != null) Object.assign(input, { [name]: raw[name] });
  // The stage where the run was found.
  if (raw.stage != null) input.stage = raw.stage;
  if (raw.options != null) {
    const retry = { ...run.options?.retry, ...given(raw.options.retry) };
    input.options = { ...run.options, ...given(raw.options), retry };
    if (raw.options.warehouse != null)
      input.options.warehouse = { ...run.options?.warehouse, ...raw.options.warehouse };
  }
  return { input, problems };
}

/** Whether a field has the same meaning as the run's, even if it is written differently. */
function isSame(name: InputField, value: unknown, run: RunInput): boolean {
  const normal = (input: RunInput): unknown => {
    const report = parseRunInput(input);
    return report.ok ? report.input[name] : (input[name] ?? null);
  };
  return isDeepStrictEqual(normal({ ...run, [name]: value }), normal(run));
}

/** Problems with the changes of a continuation that can be found without knowing the run. */
export function changeProblems(changes: Partial<RunInput>): string[] {
  const placeholder = {
    function: changes.sql == null ? 'any' : 'sql',
    source: { table: 'any' },
    partitionBy: ['any'],
    onExisting: 'retry',
  };
  // The number of columns of an id cannot be checked: the run's key is not known here.
  const { only, ...rest } = given(changes);
  const ids = isIdList(only) ? only : [];
  const report = parseRunInput({ ...placeholder, ...rest, only: ids === only ? ['any'] : only });
  const badIds = ids.filter((id) => !isPartitionId(id));
  return [
    ...(report.ok ? [] : report.problems),
    ...badIds.map(
      (id) => `"only" has ${quote(id)}, which is not a partition id: copy it from partwise partitions.`,
    ),
  ];
}

function isIdList(only: unknown): only is string[] {
  return Array.isArray(only) && only.length > 0 && only.every((id) => typeof id === 'string' && id !== '');
}
