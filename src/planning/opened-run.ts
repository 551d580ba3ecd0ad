/**
 * What an opened run asks for. `openRun` checks it and records it; runs that an earlier release opened record
 * only what was given.
 */
import type { RunInput } from '../core/input';
import type { FunctionSettings, PlannedInput } from '../core/normalized-input';
import type { OpenedRun } from '../core/opened-run';
import { Refusal } from '../core/refusal';
import { parseFunctionSettings } from '../input/function-settings';
import { parseRunInput } from '../input/parse-input';

/** The run's input as it was given, with the time that it is for, which its schedule may have set. */
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
