import { Option, type Command } from 'commander';
import { withExamples } from '../help';
import { PARTITION_STATUSES, type PartitionStatus } from '../../core/status';
import { excerptsOf } from '../excerpts';
import { suggesting } from '../invocation';
import { readingRun } from '../connect';
import { statusOption, atLeastOne, withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { renderPartition } from '../render/partition';
import { renderPartitions } from '../render/partitions';
import { toPartitionId } from '../../core/partition-name';
import { shellWord } from '../../core/shell-word';
import { aside, paint, print, printJson, widthOfTerminal } from '../terminal';

interface PartitionsOptions extends RunReadingOptions {
  partition?: string;
  status?: PartitionStatus;
  limit: number;
  after?: string;
}

const PAGE = 100;

export function define(command: Command): void {
  withExamples(command, [
    'partitions regional-2024 --status FAILED',
    'partitions regional-2024 --partition North',
  ]);
  withRun(command)
    .addOption(
      new Option('--partition <id>', 'all about one partition: its errors, unit and worker too').conflicts([
        'status',
        'after',
      ]),
    )
    .addOption(statusOption(PARTITION_STATUSES))
    .option('--limit <n>', 'maximum number of partitions', atLeastOne, PAGE)
    .option('--after <cursor>', 'start after this cursor, which the previous page printed');
  withJson(withProject(command)).action(async (runId: string | undefined, options: PartitionsOptions) => {
    const { status, limit, after } = options;
    await readingRun(runId, options, async (handle) => {
      if (options.partition !== undefined) {
        const view = await handle.partition(toPartitionId(options.partition)).describe();
        if (options.json === true) return printJson(view);
        const [excerpt] = await excerptsOf(options, [view]);
        return print(renderPartition(view, Date.now(), widthOfTerminal(), paint, excerpt));
      }
      const page = await handle.partitions({ status, limit, after });
      if (options.json === true) return printJson(page);
      print(renderPartitions(page.partitions, Date.now(), widthOfTerminal(), paint));
      if (page.next === null) return;
      const narrowed = status === undefined ? '' : ` --status ${status}`;
      const next = `partitions ${shellWord(handle.runId)}${narrowed} --limit ${limit} --after ${shellWord(page.next)}`;
      aside(`More: ${suggesting(options)(next)}`);
    });
  });
}
