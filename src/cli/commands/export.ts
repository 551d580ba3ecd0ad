import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { bytesText } from '../../display/measures';
import { packageVersion } from '../../files/package-version';
import { loadProject, readingRun } from '../connect';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { aside, print, printJson } from '../terminal';

interface ExportFlags extends RunReadingOptions {
  html: string;
  redact?: boolean;
}

const NOTES = `The file is the console's page of the run. It opens in any browser, loads nothing, and never changes.
A run of more than 10,000 partitions has exact values for 1,000 of them in it, and values within 5 %
for the others; the page says so. Logs, artifacts and rows are not in the file.`;

export function define(command: Command): void {
  withExamples(
    command,
    ['export regional-2024 --html regional.html', 'export regional-2024 --html regional.html --redact'],
    NOTES,
  );
  withRun(command)
    .requiredOption('--html <file>', 'file to write; one that exists is replaced')
    .option(
      '--redact',
      'leave out keys, messages, and names of tables, files and workers: partitions become numbers',
    );
  withJson(withProject(command)).action(exportToFile);
}

async function exportToFile(runId: string | undefined, options: ExportFlags): Promise<void> {
  const { exportRun }: typeof import('../../console') = require('../../console');
  const { projectDir: folder } = await loadProject(options);
  await readingRun(runId, options, async (handle) => {
    const { redact = false, html: file } = options;
    const { html, partitions, exact } = await exportRun(handle, {
      version: packageVersion(),
      redact,
      folder,
    });
    await writeFile(file, html).catch((error: Error) => {
      throw new CannotDo(
        `"${file}" cannot be written (${error.message}). Name a file in a folder that exists.`,
      );
    });
    const bytes = Buffer.byteLength(html);
    if (options.json === true) return printJson({ file, bytes, partitions, exact });
    print(`${file}  ${bytesText(bytes)}`);
    if (exact < partitions) {
      const [some, all] = [exact, partitions].map((count) => count.toLocaleString('en'));
      aside(`It has exact values of ${some} of ${all} partitions; others are within 5 %.`);
    }
    if (!redact) aside('It contains partition keys and error messages; --redact leaves them out.');
  });
}
