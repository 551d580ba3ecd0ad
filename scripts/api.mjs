// `npm run api`: writes the exports of each entry point of the package, with signatures, to `api/`. With
// `--check` it only compares. Needs the build: declarations are read from `dist`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

const ENTRIES = ['index', 'worker', 'testing', 'models'];
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const isCheck = process.argv.includes('--check');
const scratch = mkdtempSync(join(tmpdir(), 'partwise-api-'));
const declarations = (entry) => join(root, 'dist', `${entry}.d.ts`);

const configOf = (entry) =>
  ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: declarations(entry),
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2022',
            module: 'nodenext',
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: ENTRIES.map(declarations),
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: entry,
        reportFolder: join(root, 'api'),
        reportTempFolder: scratch,
      },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.None },
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.Error },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });

const configs = ENTRIES.map((entry) => ({ entry, config: configOf(entry) }));
const compilerState = CompilerState.create(configs[0].config, {
  additionalEntryPoints: ENTRIES.slice(1).map(declarations),
});
const problems = configs.flatMap(({ entry, config }) => {
  const reported = [];
  const { apiReportChanged } = Extractor.invoke(config, {
    compilerState,
    localBuild: !isCheck,
    messageCallback(message) {
      message.handled = true;
      if (message.logLevel !== ExtractorLogLevel.Error) return;
      const [, name] = /^The symbol "(.*?)" needs to be exported/.exec(message.text) ?? [];
      reported.push(
        name === undefined
          ? `${entry}: ${message.text}`
          : `src/${entry}.ts exports something whose signature names ${name}, and does not export ${name}: export it too, or mark what names it @internal.`,
      );
    },
  });
  if (isCheck && apiReportChanged)
    reported.push(
      `src/${entry}.ts exports something else than api/${entry}.api.md lists. If you meant to change the public API, run "npm run api" and commit the report.`,
    );
  return reported;
});
rmSync(scratch, { recursive: true });
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
