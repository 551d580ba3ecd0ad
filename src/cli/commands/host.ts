import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { withExamples } from '../help';
import { loadProject } from '../connect';
import { withFunctions, withProject, type ProjectFlags } from '../options';
import { serveRequests } from '../requests/serve';
import { aside } from '../terminal';
import { packageVersion } from '../../files/package-version';

/** V8 else lets the heap double before it collects: 100,000 partitions are iterated in 220 MB, not 340. */
const HEAP_FLAGS = '--heap-growing-percent=40';

/** For programs in other languages, such as Partwise's own Python package. */
export function define(command: Command): void {
  withExamples(command, [`host <<< '{"id": 1, "operation": "list"}'`]);
  withProject(
    withFunctions(command)
      .option('--warehouse <uri>', "warehouse of the runs that are started (default: the project's)")
      .option('--stage <folder>', "stage of the runs that are started and read (default: the project's)"),
  ).action(async (options: ProjectFlags) => {
    setFlagsFromString(HEAP_FLAGS);
    await serveRequests(() => loadProject(options), packageVersion(), {
      input: process.stdin,
      output: process.stdout,
      onMessage: aside,
    });
  });
}
