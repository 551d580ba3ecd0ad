import type { Command } from 'commander';
import { withExamples } from '../help';
import { readingRun } from '../connect';
import { withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { renderFailures } from '../render/failures';
import { paint, print, printJson, widthOfTerminal } from '../terminal';

export function define(command: Command): void {
  withExamples(command, ['failures regional-2024']);
  withJson(withProject(withRun(command))).action(
    async (runId: string | undefined, options: RunReadingOptions) => {
      await readingRun(runId, options, async (handle) => {
        const groups = await handle.failures();
        if (options.json === true)
          return printJson({ failures: groups.map((group) => ({ ...group, ordinals: undefined })) });
        if (groups.length === 0) return print(paint.dim('no failures'));
        print(renderFailures(groups, Infinity, widthOfTerminal(), paint).join('\n'));
      });
    },
  );
}
