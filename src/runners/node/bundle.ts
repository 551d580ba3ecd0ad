/** Bundles a functions file in TypeScript or JavaScript to one module. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildFailure, Message, Plugin } from 'esbuild';
import { digestFile, sha256Of } from '../../files/digest';
import { replaceFile } from '../../files/durable';
import { BUNDLE_ENDING } from './endings';
import { FunctionsBuildError, type FunctionBundle } from '../language';

/** Bundles the file and what it imports by path; packages are not bundled. */
export async function bundle(file: string, outFolder: string): Promise<FunctionBundle> {
  const entry = resolve(file);
  const folder = resolve(outFolder);
  const code = await build(entry, folder);
  const digest = sha256Of(code);
  const path = join(folder, `${digest}${BUNDLE_ENDING}`);
  // An existing file of that name may be corrupt, for example after a power loss.
  if (!(await holds(path, digest))) {
    await mkdir(folder, { recursive: true });
    await replaceFile(path, code);
  }
  return { digest, path };
}

async function holds(path: string, sha256: string): Promise<boolean> {
  try {
    return (await digestFile(path)).sha256 === sha256;
  } catch {
    return false;
  }
}

async function build(entry: string, folder: string): Promise<Uint8Array> {
  // Loaded when needed: it is large, and deployed workers may never bundle.
  const esbuild: typeof import('esbuild') = require('esbuild');
  try {
    const result = await esbuild.build({
      entryPoints: [entry],
      outfile: join(folder, 'functions.mjs'),
      absWorkingDir: dirname(entry),
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      sourcemap: 'inline',
      sourcesContent: true,
      logLevel: 'silent',
      banner: { js: banner(entry, folder) },
      // Only free variables are replaced: files that declare these names keep their own.
      define: {
        'import.meta.url': '__partwise_url',
        'import.meta.filename': '__partwise_filename',
        'import.meta.dirname': '__partwise_dirname',
        __filename: '__partwise_filename',
        __dirname: '__partwise_dirname',
      },
      plugins: [findPartwise(folder)],
    });
    return result.outputFiles[0]!.contents;
  } catch (error) {
    const { errors } = error as BuildFailure;
    if (!Array.isArray(errors)) throw error;
    throw new FunctionsBuildError(errors.map((problem) => sentence(problem, dirname(entry))));
  }
}

/**
 * Makes `__dirname`, `import.meta.url` and `require` behave in the bundle as in the functions file.
 */
function banner(entry: string, folder: string): string {
  const place = relative(folder, entry).split(sep).map(encodeURIComponent).join('/');
  return [
    'import { createRequire as __partwise_createRequire } from "node:module";',
    'import { fileURLToPath as __partwise_fileURLToPath } from "node:url";',
    `const __partwise_url = new URL(${JSON.stringify(place)}, import.meta.url).href;`,
    'const __partwise_filename = __partwise_fileURLToPath(__partwise_url);',
    'const __partwise_dirname = __partwise_fileURLToPath(new URL(".", __partwise_url)).replace(/(.)[\\\\/]$/, "$1");',
    'globalThis.require ??= __partwise_createRequire(__partwise_url);',
  ].join('\n');
}

/** A project that runs `npx partwise` without installing it still imports "partwise", and gets this copy. */
function findPartwise(folder: string): Plugin {
  return {
    name: 'find-partwise',
    setup(build) {
      const installed = canResolve(folder);
      build.onResolve({ filter: /^partwise(\/[a-z]+)?$/ }, ({ path, kind }) => {
        if (installed) return { path, external: true };
        const own = join(
          __dirname,
          '../..',
          path === 'partwise' ? 'index.js' : `${path.slice('partwise/'.length)}.js`,
        );
        return { path: kind === 'require-call' ? own : pathToFileURL(own).href, external: true };
      });
    },
  };
}

/** Resolves as Node does: to the package's own folder (in this repository), or the nearest `node_modules`. */
function canResolve(folder: string): boolean {
  const folders = [folder];
  while (dirname(folders.at(-1)!) !== folders.at(-1)) folders.push(dirname(folders.at(-1)!));
  const scope = folders.find((each) => existsSync(join(each, 'package.json')));
  if (scope !== undefined && packageName(scope) === 'partwise')
    return existsSync(join(scope, 'dist', 'index.js'));
  return folders.some((each) => existsSync(join(each, 'node_modules', 'partwise', 'package.json')));
}

function packageName(folder: string): unknown {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name;
}

function sentence({ text, location }: Message, folder: string): string {
  const ended = /[.!?]$/.test(text) ? text : `${text}.`;
  if (location === null) return ended;
  return `${resolve(folder, location.file)}:${location.line}:${location.column + 1}: ${ended}`;
}
