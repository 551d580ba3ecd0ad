/** Modules of the console's page, which is built as a whole and not file by file. */
import { join } from 'node:path';
import { runInThisContext } from 'node:vm';
import { buildSync } from 'esbuild';
import { REPOSITORY } from './project';

const PAGE = join(REPOSITORY, 'src/console/page');

/** What a module exports that needs no browser. `path`: below the page's folder. */
export function pageModule<T>(path: string): T {
  const { outputFiles } = buildSync({
    entryPoints: [join(PAGE, path)],
    bundle: true,
    format: 'cjs',
    write: false,
  });
  const module: { exports: unknown } = { exports: {} };
  const run = runInThisContext(`(module, exports) => {${outputFiles[0]!.text}}`) as (
    ...both: unknown[]
  ) => void;
  run(module, module.exports);
  return module.exports as T;
}
