import type { Command } from 'commander';
import { RUN_ID, runIdOf } from '../last-run';
import { checkedChanges, type RetryFlags } from '../checked-input';
import { OK } from '../exit';
import { follow, untilInterrupted } from '../follow';
import { GROUP, withExamples } from '../help';
import { suggesting } from '../invocation';
import { followingMoves, loadProject, reading, withPartwise } from '../connect';
import { withFunctions, withJson, withProject } from '../options';
import { printSelection } from '../preview-selection';
import { nextCommands } from '../render/next-commands';
import { clean, plural } from '../../display/text';
import { SEVERAL } from '../repeated';
import { withOutcomeFlags } from '../run-flags';
import {
  aside,
  errorPaint,
  note,
  outliveReader,
  paint,
  print,
  printJson,
  widthOfTerminal,
} from '../terminal';
import type { RetryInput, RunState } from '../..';

interface RetryOptions extends RetryFlags {
  detach?: boolean;
  dryRun?: boolean;
  strict?: boolean;
  json?: boolean;
}

const NOTES = `Reruns every partition that is not DONE (failed, interrupted or never started) on the rows that the
run pinned, with the current functions. DONE partitions are not called again (but see
--rerun-missing). Options that are not given keep the run's settings.

Exit codes: the same as for partwise run.`;

export function define(command: Command): void {
  withExamples(
    command,
    [
      'retry regional-2024',
      'retry regional-2024 --only North --max-concurrency 2',
      'retry regional-2024 --failed-with RateLimited',
    ],
    NOTES,
  );
  const work = withOutcomeFlags(command.argument('<run>', RUN_ID))
    .optionsGroup(GROUP.work)
    .option('--only <id>', 'rerun only this partition, if it is not DONE (repeatable)', SEVERAL)
    .option(
      '--failed-with <cause>',
      'rerun only what failed for this cause: an error type, a place such as functions.ts:31, or a pattern or part of one, as partwise failures prints them',
    )
    .option('--ordinals <ranges>', 'rerun only these partitions, by number, such as 3,7-9 (from 0)')
    .option('--rerun-missing', 'also rerun DONE partitions whose files are missing from the stage')
    .option('--sql <query>', 'use another query (built-in function sql only)');
  withFunctions(work, " (default: the run's, else the project's)")
    .optionsGroup(GROUP.limits)
    .option('--max-concurrency <n>', 'partitions to run at the same time, 1 to 24,000')
    .optionsGroup(GROUP.output)
    .option('--dry-run', 'only show which partitions would run')
    .option('--detach', 'start the run and return without waiting for it')
    .option('--strict', 'exit with 1 if any partition failed, even within the tolerance')
    .optionsGroup(GROUP.own);
  withJson(withProject(command)).action(retry);
}

async function retry(wanted: string, options: RetryOptions): Promise<void> {
  const config = await loadProject(options);
  const changes = checkedChanges(options, config.projectDir);
  if (options.dryRun === true) return preview(wanted, changes, options);
  const suggest = suggesting(options);
  let runId = wanted;
  let hasStarted = false;
  outliveReader();
  process.exitCode = await untilInterrupted('Stopped: nothing was started.', (interrupt) =>
    followingMoves(
      () =>
        withPartwise(config, { needWorker: true, signal: interrupt }, async (partwise, moved) => {
          runId = await runIdOf(partwise, runId);
          let run = partwise.getRun(runId);
          if (!hasStarted) {
            const before = await run.status();
            run = await run.retry(changes);
            hasStarted = true;
            announce(runId, before, options);
          }
          const { json = false, strict = false } = options;
          if (options.detach !== true) return follow(run, { json, strict, suggest, interrupt, moved });
          const state = await run.status();
          if (json) printJson(state);
          else
            print(
              nextCommands({ state, failures: [], hasArtifacts: false, suggest }, widthOfTerminal(), paint),
            );
          return OK;
        }),
      () => hasStarted,
    ),
  );
}

async function preview(wanted: string, changes: RetryInput, options: RetryOptions): Promise<void> {
  await reading(options, async (partwise) => {
    const run = partwise.getRun(await runIdOf(partwise, wanted));
    const selection = await run.previewRetry(changes);
    await printSelection(run, selection, `A retry of ${paint.bold(clean(run.runId))} would run`, options);
  });
}

function announce(runId: string, before: RunState, { rerunMissing }: RetryOptions): void {
  const { total, DONE } = before.counts;
  const but = rerunMissing === true ? ', except those whose files are missing' : '';
  note(`${errorPaint.dim('retry of')} ${errorPaint.bold(clean(runId))}`);
  if (total === 0) aside('It had no partitions yet: it is planned again');
  else
    aside(
      `${DONE.toLocaleString('en')} of ${plural(total, 'partition')} ${DONE === 1 ? 'is' : 'are'} DONE and kept${but}`,
    );
}
