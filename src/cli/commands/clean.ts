import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { CleanOptions } from '../..';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { loadProject, withPartwise } from '../connect';
import { places, wholeNumber, withJson, withProject, type ReadingOptions } from '../options';
import { runIdOf } from '../last-run';
import { renderClean, sizeText } from '../render/clean';
import { SEVERAL } from '../repeated';
import { toProjectPath } from '../source';
import { note, paint, print, printJson, widthOfTerminal } from '../terminal';

interface CleanCommandOptions extends ReadingOptions {
  run?: string[];
  olderThan?: string;
  keep?: number;
  stage?: string;
  dryRun?: boolean;
  yes?: boolean;
}

const NOTES = `Without options, removes only the leftovers of finished runs: files of killed attempts, duplicate
plans, checkpoints that are no longer needed. --older-than and --keep also delete whole runs; --run
removes only the runs that it names. A run in progress is never touched, and files that another run
or a series reuses are kept. If a run cannot be read, none of its files are deleted unless the run
was selected. A deleted run stays listed until the server deletes its history, but it cannot be retried, and
its results and artifacts are gone.`;

export function define(command: Command): void {
  withExamples(
    command,
    [
      'clean --older-than 30d --dry-run',
      'clean --older-than 30d --keep 10 --yes',
      'clean --run regional-2024',
    ],
    NOTES,
  );
  command
    .option('--run <id>', 'delete all files of this run, or of @last, the newest (repeatable)', SEVERAL)
    .option('--older-than <duration>', 'delete runs that ended longer ago than this, such as 30d or 12h')
    .option('--keep <n>', 'keep the newest n runs, delete the others', wholeNumber)
    .option('--stage <place>', `${places().stage.examples} (default: the project's)`)
    .option('--dry-run', 'show what would be deleted, without deleting it')
    .option('--yes', 'do not ask for confirmation');
  withJson(withProject(command)).action(clean);
}

async function clean(options: CleanCommandOptions): Promise<void> {
  const { run, olderThan, keep, stage, dryRun = false, yes = false, json = false } = options;
  const config = await loadProject(options);
  const wanted: CleanOptions = {
    ...(olderThan !== undefined && { olderThan }),
    ...(keep !== undefined && { keep }),
    ...(stage !== undefined && { stage: toProjectPath(stage, config.projectDir, process.cwd()) }),
  };
  await withPartwise(config, { needWorker: false }, async (partwise) => {
    if (run !== undefined) wanted.runs = await Promise.all(run.map((id) => runIdOf(partwise, id)));
    const planned = await partwise.clean({ ...wanted, dryRun: true });
    if (!json) print(renderClean(planned, widthOfTerminal(), paint) || paint.dim('nothing to delete'));
    for (const { runId, why } of planned.unread)
      note(
        `The run "${runId}" cannot be read, so its files and those it reuses from other runs are kept: ${why}`,
      );
    if (dryRun || planned.files === 0) {
      if (json) printJson({ ...planned, dryRun });
      else if (planned.files > 0) note(`${sizeText(planned)} would be deleted (--dry-run: nothing was).`);
      return;
    }
    if (!yes) await ask(`Delete ${sizeText(planned)} from ${planned.stage}?`);
    const cleaned = await partwise.clean(wanted);
    if (json) printJson(cleaned);
    else note(`Deleted ${sizeText(cleaned)}.`);
  });
}

async function ask(question: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CannotDo(
      'Nothing was deleted: there is no terminal to ask for confirmation. Add --yes to delete these files, or --dry-run to list them.',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CannotDo('Nothing was deleted.');
  } finally {
    terminal.close();
  }
}
