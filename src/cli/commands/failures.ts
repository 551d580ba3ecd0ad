import type { Command } from 'commander';
import { withExamples } from '../help';
import { readingRun } from '../connect';
import { excerptsOf } from '../excerpts';
import { suggesting } from '../invocation';
import { withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { renderFailures, retryCommand } from '../render/failures';
import { paint, print, printJson, widthOfTerminal } from '../terminal';
import type { FailureGroup, SourceExcerpt } from '../..';

export function define(command: Command): void {
  withExamples(command, ['failures regional-2024']);
  withJson(withProject(withRun(command))).action(
    async (runId: string | undefined, options: RunReadingOptions) => {
      await readingRun(runId, options, async (handle) => {
        const groups = await handle.failures();
        if (options.json === true)
          return printJson({ failures: groups.map((group) => ({ ...group, ordinals: undefined })) });
        if (groups.length === 0) return print(paint.dim('no failures'));
        const canRetry = options.history === undefined && (await handle.status()).endedAt !== null;
        const suggest = suggesting(options);
        const commandOf = (group: FailureGroup): string | null =>
          canRetry ? retryCommand(handle.runId, group, suggest) : null;
        const excerpts = await excerptsOf(
          options,
          groups.map(({ examples }) => examples[0]!),
        );
        const excerptOf = (group: FailureGroup): SourceExcerpt | null => excerpts[groups.indexOf(group)]!;
        const details = { commandOf, excerptOf };
        print(renderFailures(groups, Infinity, widthOfTerminal(), paint, details).join('\n'));
      });
    },
  );
}
