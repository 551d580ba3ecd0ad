/** `run --try N`: calls the function for a few partitions locally, instead of starting a run. */
import type { RunInput, TryEvent } from '..';
import type { ProjectConfig } from '../config';
import { ENDED_BADLY, OK } from './exit';
import { untilInterrupted } from './follow';
import { repeatedWithout } from './invocation';
import { withoutServer } from './connect';
import { logLine } from './render/logs';
import { plural } from '../display/text';
import { renderTried, renderTrySummary } from './render/try';
import { aside, errorPaint, note, paint, print, printJson, widthOfTerminal } from './terminal';

/** Returns the exit code: 1 when a function failed. */
export async function tryInstead(
  input: RunInput,
  config: ProjectConfig,
  { partitions, json }: { partitions: number; json: boolean },
): Promise<number> {
  const onEvent = (event: TryEvent): void => showEvent(event, json);
  const report = await untilInterrupted('Stopped: no run was started and nothing was kept.', (signal) =>
    withoutServer(config, (project) => project.try(input, { partitions, signal, onEvent })),
  );
  if (json) printJson(report);
  else {
    print(`\n${renderTrySummary(report, partitions, paint)}`);
    print(`\n  ${paint.cyan(repeatedWithout('--try'))}  ${paint.dim('run all partitions')}`);
  }
  return report.tried.every(({ status }) => status === 'DONE') ? OK : ENDED_BADLY;
}

function showEvent(event: TryEvent, json: boolean): void {
  switch (event.type) {
    case 'picked': {
      const { picked, partitions, rows } = event;
      const all = `${plural(partitions, 'partition')} (${plural(rows, 'row')})`;
      aside(`Trying ${picked.length} of ${all}, from the largest to the smallest.`);
      return;
    }
    case 'log':
      note(logLine(event.entry, errorPaint));
      return;
    case 'partition':
      if (!json) print(renderTried(event.partition, widthOfTerminal(), paint));
  }
}
