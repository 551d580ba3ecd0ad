/**
 * The settings of an opened run. `openRun` checks and records them; runs opened by an earlier release
 * recorded only the input.
 */
import type { RunInput } from '../core/input';
import type { FunctionSettings, PlannedInput } from '../core/normalized-input';
import type { OpenedRun } from '../core/opened-run';
import { Refusal } from '../core/refusal';
import { parseFunctionSettings } from '../input/function-settings';
import { parseRunInput } from '../input/parse-input';

/** The run's input as given, plus the time that the run is for, which its schedule may have set. */
export function givenInput({ input, scheduledTime }: OpenedRun): RunInput {
  return scheduledTime === null ? input : { ...input, scheduledTime };
}

export function plannedInput({ normalized, input }: OpenedRun): PlannedInput {
  if (normalized !== undefined) return normalized;
  const parsed = parseRunInput(input);
  if (!parsed.ok) throw new Refusal('InvalidInput', parsed.problems);
  return parsed.input;
}

export function settingsOfFunction({ settings, functionSettings }: OpenedRun): FunctionSettings {
  if (settings !== undefined) return settings;
  const checked = parseFunctionSettings(functionSettings);
  if (!checked.ok) throw new Refusal('InvalidInput', checked.problems);
  return checked.settings;
}
