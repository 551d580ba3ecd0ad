import { writeFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { bytesText } from '../../display/measures';
import { packageVersion } from '../../files/package-version';
import { loadProject, readingRun } from '../connect';
import { CannotDo } from '../exit';
import { withExamples } from '../help';
import { withJson, withProject, withRun, type RunReadingOptions } from '../options';
import { SEVERAL } from '../repeated';
import { aside, print, printJson } from '../terminal';

interface ExportFlags extends RunReadingOptions {
  html: string;
  redact?: boolean;
  artifacts?: string[];
}

const NOTES = `The file is the console's page of the run. It opens in any browser, loads nothing, and never changes.
A run of more than 10,000 partitions has exact values for 1,000 of them in it, and values within 5 %
for the others; the page says so. In the file are also the first 200 rows that the functions returned,
up to 100 failed partitions with their errors, and the artifacts that are named, up to 5 MB. Logs are
not in it.`;

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
      'leave out keys, messages, rows, and names of tables, files and workers: partitions become numbers',
    )
    .addOption(
      new Option('--artifacts <name>', 'include artifacts of this name, in which * is any text (repeatable)')
        .argParser(SEVERAL)
        .conflicts('redact'),
    );
  withJson(withProject(command)).action(exportToFile);
}

async function exportToFile(runId: string | undefined, options: ExportFlags): Promise<void> {
  const { exportRun }: typeof import('../../console') = require('../../console');
  const { projectDir: folder } = await loadProject(options);
  await readingRun(runId, options, async (handle) => {
    const { redact = false, html: file, artifacts } = options;
    const { html, partitions, exact, missingRows } = await exportRun(handle, {
      version: packageVersion(),
      redact,
      folder,
      artifacts,
    });
    await writeFile(file, html).catch((error: Error) => {
      throw new CannotDo(
        `"${file}" cannot be written (${error.message}). Name a file in a folder that exists.`,
      );
    });
    const bytes = Buffer.byteLength(html);
    if (options.json === true) return printJson({ file, bytes, partitions, exact, missingRows });
    print(`${file}  ${bytesText(bytes)}`);
    if (exact < partitions) {
      const [some, all] = [exact, partitions].map((count) => count.toLocaleString('en'));
      aside(`It has exact values of ${some} of ${all} partitions; others are within 5 %.`);
    }
    if (missingRows !== null) aside(`Rows that functions returned are not in it: ${missingRows}`);
    if (!redact) aside('It contains partition keys, error messages and rows; --redact leaves them out.');
  });
}
