/** Finds the configuration file and reads what it exports. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import { ConfigError } from './problems';
import { defineConfig } from './define';
import { snakeCase } from './schema';

const NAMES = ['ts', 'js', 'mjs', 'json'].map((ending) => `partwise.config.${ending}`);
/** It is a configuration only if it has the table `[tool.partwise]`. */
const PYPROJECT = 'pyproject.toml';

/** The configuration file of a folder, or null if it has none. */
export function configFileIn(folder: string): string | null {
  const found = NAMES.filter((name) => existsSync(join(folder, name)));
  if (configuresPartwise(join(folder, PYPROJECT))) found.push(PYPROJECT);
  if (found.length <= 1) return found[0] === undefined ? null : join(folder, found[0]);
  throw new ConfigError(folder, [
    `There are ${found.join(' and ')}, but a project has only one configuration. Keep one of them.`,
  ]);
}

/** A file that cannot be parsed counts if it has the table's header: reading it reports why. */
function configuresPartwise(file: string): boolean {
  if (!existsSync(file)) return false;
  const text = readFileSync(file, 'utf8');
  if (!text.includes('partwise')) return false;
  try {
    return tableOf(text) !== undefined;
  } catch {
    return /^\s*\[\s*tool\s*\.\s*["']?partwise/m.test(text);
  }
}

function tableOf(text: string): unknown {
  const { parse }: typeof import('smol-toml') = require('smol-toml');
  return (parse(text) as { tool?: { partwise?: unknown } }).tool?.partwise;
}

/** Settings of a `pyproject.toml` are spelled as names in Python are: `task_queue`. */
function inCamelCase(file: string, table: unknown): unknown {
  const problems: string[] = [];
  const renamed = (settings: unknown, place: string): unknown => {
    if (!isTable(settings)) return settings;
    const pairs = Object.entries(settings).map(([name, value]): [string, unknown] => {
      if (snakeCase(name) !== name)
        problems.push(`"${place}${name}" is not a setting. Did you mean "${snakeCase(name)}"?`);
      const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      // The names of notifiers are the user's.
      return [camel, place === '' && name !== 'notify' ? renamed(value, `${name}.`) : value];
    });
    return Object.fromEntries(pairs);
  };
  const settings = renamed(table, '');
  if (problems.length > 0) throw new ConfigError(file, problems);
  return settings;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The nearest configuration file in this folder or a parent folder, up to the home folder. */
export function findConfigFile(folder: string): string | null {
  const home = homedir();
  for (let at = folder; ; at = dirname(at)) {
    const file = configFileIn(at);
    if (file !== null || at === home || at === dirname(at)) return file;
  }
}

/** The file's default export, or its table `[tool.partwise]`; unchecked. */
export async function readConfigFile(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.toml')) return inCamelCase(file, tableOf(readFileSync(file, 'utf8')));
    return file.endsWith('.json')
      ? JSON.parse(readFileSync(file, 'utf8'))
      : exportOf(file, await bundle(file));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(file, [
      `It cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    ]);
  }
}

/**
 * Bundles TypeScript or JavaScript into one CommonJS string, so that a file loads regardless of the `type` in
 * its package.json, and nothing is written next to it. Packages of Partwise and Temporal stay external, since
 * a second copy of a module would have different identities.
 */
async function bundle(file: string): Promise<string> {
  const { build } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      bundle: true,
      write: false,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
      external: ['partwise', 'partwise/*', '@temporalio/*', '*.node'],
      define: { 'import.meta.url': JSON.stringify(pathToFileURL(file).href) },
    });
    return outputFiles[0]!.text;
  } catch (error) {
    const problems = (
      error as { errors?: { text: string; location: { file: string; line: number } | null }[] }
    ).errors;
    if (problems === undefined) throw error;
    throw new ConfigError(
      file,
      problems.map(({ text, location }) => (location === null ? text : `Line ${location.line}: ${text}`)),
    );
  }
}

function exportOf(file: string, code: string): unknown {
  const fromFile = createRequire(file);
  // "partwise" is the running copy, whether or not the project can resolve one.
  const require = (name: string): unknown => (name === 'partwise' ? ownPackage(file) : fromFile(name));
  const module: { exports: Record<string, unknown> } = { exports: {} };
  const run = compileFunction(code, ['module', 'exports', 'require', '__filename', '__dirname'], {
    filename: file,
  });
  run(module, module.exports, require, file, dirname(file));
  const { exports } = module;
  // In a CommonJS file, the exports as a whole are the configuration.
  return exports !== null && typeof exports === 'object' && 'default' in exports ? exports.default : exports;
}

/**
 * What a configuration file may import from "partwise". The rest would load the whole package, which this
 * folder may not import.
 */
const OWN_EXPORTS: object = { defineConfig };

function ownPackage(file: string): object {
  return new Proxy(OWN_EXPORTS, {
    get(exports, name) {
      if (typeof name === 'symbol' || name in exports || name === '__esModule' || name === 'default')
        return Reflect.get(exports, name);
      throw new ConfigError(file, [
        `It imports "${name}" from "partwise", but a configuration can only import: ${Object.keys(exports).join(', ')}. Move other code to the functions file.`,
      ]);
    },
  });
}
