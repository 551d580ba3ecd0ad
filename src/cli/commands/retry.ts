import type { Command } from 'commander';
import { checkedChanges } from '../checked-input';
import { OK } from '../exit';
import { follow, untilInterrupted } from '../follow';
import { GROUP, withExamples } from '../help';
import { suggesting } from '../invocation';
import { followingMoves, loadProject, withJson, withPartwise, withProject } from '../project';
import { nextCommands } from '../render/next-commands';
import { clean, plural } from '../render/text';
import { SEVERAL, withOutcomeFlags, type RunFlags } from '../run-flags';
import { aside, errorPaint, note, paint, print, printJson } from '../terminal';
import type { RunState } from '../..';

interface RetryOptions extends RunFlags {
  detach?: boolean;
  strict?: boolean;
  json?: boolean;
  rerunMissing?: boolean;
}

const NOTES = `Runs every partition that is not DONE (failed, cut off, or never started) again: on the rows that the run has pinned,
with the functions as they are now. DONE partitions are not called (but see --rerun-missing). Settings that are not given are as the run has them.

Exit codes: as for partwise run.`;

export function define(command: Command): void {
  withExamples(
    command,
    ['retry regional-2024', 'retry regional-2024 --only North --max-concurrency 2'],
    NOTES,
  );
  withOutcomeFlags(command.argument('<run>', 'run id'))
    .optionsGroup(GROUP.work)
    .option('--only <key>', 'only this partition, of those that are not DONE (repeatable)', SEVERAL)
    .option('--rerun-missing', 'also run partitions that are DONE and whose files are gone from the stage')
    .option('--sql <query>', 'another query, for a run of the built-in function sql')
    .option('--functions <file>', 'the file that exports the functions')
    .optionsGroup(GROUP.limits)
    .option('--max-concurrency <n>', 'partitions in flight at once, 1 to 24,000')
    .optionsGroup(GROUP.output)
    .option('--detach', 'start it and return; the run goes on')
    .option('--strict', 'exit with 1 when any partition failed, tolerated or not')
    .optionsGroup(GROUP.own);
  withJson(withProject(command)).action(retry);
}

async function retry(runId: string, options: RetryOptions): Promise<void> {
  const config = await loadProject(options);
  const changes = checkedChanges(options, config.projectDir);
  const suggest = suggesting(options);
  let hasStarted = false;
  process.exitCode = await untilInterrupted('Stopped: nothing was started.', (interrupt) =>
    followingMoves(
      () =>
        withPartwise(config, { needWorker: true, signal: interrupt }, async (partwise, moved) => {
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
          else print(nextCommands({ state, failed: null, hasArtifacts: false, suggest }, paint));
          return OK;
        }),
      () => hasStarted,
    ),
  );
}

function announce(runId: string, before: RunState, { rerunMissing }: RetryOptions): void {
  const { total, DONE } = before.counts;
  note(`${errorPaint.dim('retry of')} ${errorPaint.bold(clean(runId))}`);
  const but = rerunMissing === true ? ', but for those whose files are gone' : '';
  aside(`${plural(DONE, 'partition')} of ${total} ${DONE === 1 ? 'is' : 'are'} DONE and stay so${but}`);
}
