import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { CleanOptions } from '../..';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import {
  loadProject,
  wholeNumber,
  withJson,
  withPartwise,
  withProject,
  type ReadingOptions,
} from '../project';
import { renderClean, sizeText } from '../render/clean';
import { SEVERAL } from '../run-flags';
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

const NOTES = `Of runs that stay, leftovers go: files of attempts that were killed, plans that were made twice, checkpoints of what has
ended. Without --older-than and --keep that is all; --run removes the runs that it names and leaves the others alone.
A run in progress is never touched, and what another run or a series has reused stays. Of a run that cannot be read
nothing is removed, unless it is among those that are asked for. A run that was removed is still listed while the server
knows it, but it cannot be retried, and its results and artifacts are gone.`;

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
    .option('--run <id>', 'remove all files of this run (repeatable)', SEVERAL)
    .option('--older-than <duration>', 'remove runs that ended longer ago, such as 30d or 12h')
    .option('--keep <n>', 'remove runs but for the newest so many', wholeNumber)
    .option(
      '--stage <place>',
      "folder, s3://bucket/prefix or @DATABASE.SCHEMA.STAGE/path (default: the project's)",
    )
    .option('--dry-run', 'only show what would be removed')
    .option('--yes', 'do not ask');
  withJson(withProject(command)).action(clean);
}

async function clean(options: CleanCommandOptions): Promise<void> {
  const { run, olderThan, keep, stage, dryRun = false, yes = false, json = false } = options;
  const config = await loadProject(options);
  const wanted: CleanOptions = {
    ...(run !== undefined && { runs: run }),
    ...(olderThan !== undefined && { olderThan }),
    ...(keep !== undefined && { keep }),
    ...(stage !== undefined && { stage: toProjectPath(stage, config.projectDir, process.cwd()) }),
  };
  await withPartwise(config, { needWorker: false }, async (partwise) => {
    const planned = await partwise.clean({ ...wanted, dryRun: true });
    if (!json) print(renderClean(planned, widthOfTerminal(), paint) || paint.dim('nothing to remove'));
    for (const { runId, why } of planned.unread)
      note(
        `The run "${runId}" cannot be read, so nothing is removed of it, nor what it took over from others: ${why}`,
      );
    if (dryRun || planned.files === 0) {
      if (json) printJson({ ...planned, dryRun });
      else if (planned.files > 0) note(`${sizeText(planned)} would be removed; nothing was (--dry-run).`);
      return;
    }
    if (!yes) await ask(`Remove ${sizeText(planned)} from ${planned.stage}?`);
    const cleaned = await partwise.clean(wanted);
    if (json) printJson(cleaned);
    else note(`Removed ${sizeText(cleaned)}.`);
  });
}

async function ask(question: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CannotDo(
      'Nothing was removed, since there is no terminal to ask on: say --yes to remove this, or --dry-run to only look.',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CannotDo('Nothing was removed.');
  } finally {
    terminal.close();
  }
}
