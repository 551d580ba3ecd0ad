import { join } from 'node:path';
import type { Command } from 'commander';
import type { PartitionView, RunHandle } from '../..';
import { CannotDo, NOT_DONE } from '../exit';
import { withExamples } from '../help';
import { RUN_ID } from '../last-run';
import { partitionName, toPartitionId } from '../../core/partition-name';
import { partitionFolders } from '../partition-folders';
import { folderName } from '../../files/folder-name';
import { readingRun } from '../connect';
import { withHistory, withJson, withProject, type RunReadingOptions } from '../options';
import { previewArtifact } from '../preview-artifact';
import { renderArtifacts } from '../render/artifacts';
import { clean, plural } from '../../display/text';
import { note, paint, print, printJson, widthOfTerminal } from '../terminal';

export function define(command: Command): void {
  withExamples(command, ['artifacts list regional-2024']);
  const list = command
    .command('list')
    .summary('list artifacts')
    .argument('<run>', RUN_ID)
    .argument('[partition]', 'partition id');
  withExamples(list, ['artifacts list regional-2024', 'artifacts list regional-2024 North']);
  withJson(withProject(withHistory(list))).action(listArtifacts);

  const get = command.command('get').summary('write an artifact to standard output');
  withExamples(get, [
    'artifacts get regional-2024 North sales_summary.json',
    'artifacts get regional-2024 North orders.parquet --preview',
  ]);
  withJson(
    withProject(
      withHistory(get)
        .argument('<run>', RUN_ID)
        .argument('<partition>', 'partition id')
        .argument('<name>', 'artifact name')
        .option('--preview', 'read only its beginning: 200 rows of CSV or Parquet, 64 KiB of text'),
    ),
  ).action(getArtifact);

  const download = command
    .command('download')
    .summary('download artifacts to a folder, with one subfolder per partition');
  withExamples(download, ['artifacts download regional-2024 --to ./artifacts']);
  withProject(
    withHistory(download)
      .argument('<run>', RUN_ID)
      .argument('[partition]', 'partition id')
      .argument('[name]', 'artifact name')
      .option('--to <dir>', 'target folder (default: the run id)'),
  ).action(downloadArtifacts);
}

/** Further problems are only counted. */
const MAX_PROBLEMS = 20;

type Listed = Pick<PartitionView, 'id' | 'artifacts'>;

async function listArtifacts(
  runId: string,
  partition: string | undefined,
  options: RunReadingOptions,
): Promise<void> {
  await readingRun(runId, options, async (handle) => {
    const found = await withArtifacts(handle, partition);
    if (options.json === true)
      return printJson({ partitions: found.map(({ id, artifacts }) => ({ id, artifacts })) });
    print(renderArtifacts(found, widthOfTerminal(), paint));
  });
}

async function getArtifact(
  runId: string,
  partition: string,
  name: string,
  options: RunReadingOptions & { preview?: boolean },
): Promise<void> {
  if (options.json === true && options.preview !== true)
    throw new CannotDo('--json describes the beginning of an artifact: add --preview.');
  await readingRun(runId, options, async (handle) => {
    const { artifacts } = handle.partition(toPartitionId(partition));
    if (options.preview === true) return previewArtifact(artifacts, name, options);
    const bytes = await artifacts.get(name, { read: (content) => content });
    process.stdout.write(bytes);
    if (process.stdout.isTTY && bytes.at(-1) !== 10) process.stdout.write('\n');
  });
}

async function downloadArtifacts(
  runId: string,
  partition: string | undefined,
  name: string | undefined,
  options: RunReadingOptions & { to?: string },
): Promise<void> {
  await readingRun(runId, options, async (handle) => {
    const folder = options.to ?? folderName(handle.runId);
    const folderOf = partitionFolders();
    let files = 0;
    const problems: string[] = [];
    for (const { id, artifacts } of await withArtifacts(handle, partition)) {
      for (const artifact of artifacts.filter((each) => name === undefined || each.name === name)) {
        try {
          print(await handle.partition(id).artifacts.download(artifact.name, join(folder, folderOf(id))));
          files++;
        } catch (error) {
          // Keep downloading the others.
          problems.push(`${partitionName(id)} ${artifact.name}: ${(error as Error).message}`);
        }
      }
    }
    if (problems.length > 0) {
      const rest = problems.length > MAX_PROBLEMS ? [`… and ${problems.length - MAX_PROBLEMS} more`] : [];
      note(`Not downloaded:\n${[...problems.slice(0, MAX_PROBLEMS).map(clean), ...rest].join('\n')}`);
      process.exitCode = NOT_DONE;
    }
    note(
      files + problems.length === 0 && name !== undefined
        ? `The run "${clean(handle.runId)}" has no artifact "${clean(name)}"${partition === undefined ? '' : ` in the partition "${clean(partition)}"`}. ` +
            `To list its artifacts, run: partwise artifacts list ${clean(handle.runId)}`
        : `${plural(files, 'file')} in ${folder}`,
    );
    if (files === 0 && name !== undefined) process.exitCode = NOT_DONE;
  });
}

async function withArtifacts(handle: RunHandle, partition: string | undefined): Promise<Listed[]> {
  if (partition !== undefined) {
    const id = toPartitionId(partition);
    return [{ id, artifacts: await handle.partition(id).artifacts.list() }];
  }
  const found: Listed[] = [];
  let after: string | undefined;
  do {
    const page = await handle.partitions({ after });
    found.push(...page.partitions.filter(({ artifacts }) => artifacts.length > 0));
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}
