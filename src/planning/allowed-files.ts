/**
 * Files and folders that a run with untrusted input may read and write: those below the project folder and
 * the stage, or those in `allow.files` of the worker's configuration.
 */
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProjectConfig } from '../config';
import { isInside, type Confinement } from '../duckdb/confinement';
import { isOnStage } from '../core/files-on-stage';
import type { Source } from '../core/input';
import type { OutputPlan } from '../core/plan';
import { stageUri } from '../stage';

export interface AllowedFiles {
  /** Absolute, with links resolved. */
  roots: string[];
  /** Paths below the roots that are not allowed. */
  except: string[];
  /**
   * May be read but not written, because objects of runs are written once. Null if the stage is not a folder.
   */
  stage: string | null;
  /** URLs that DuckDB may read. */
  urls: string[];
  /** Places on stages whose files may be partitions. */
  onStages: string[];
  extensions: string[];
}

export async function allowedFiles(project: ProjectConfig): Promise<AllowedFiles> {
  const { projectDir, allow, configFile } = project;
  const named = allow.files
    ?.filter((entry) => !isUrl(entry) && !isOnStage(entry))
    .map((entry) => resolve(projectDir, entry));
  const stage = stageFolder(project);
  const roots = named ?? [projectDir, ...(stage === null ? [] : [stage])];
  // The state folder contains the owner's secret; hidden files and the configuration may contain passwords.
  const hidden = named === undefined ? await hiddenEntries(projectDir) : [];
  const except = [join(projectDir, '.partwise'), ...hidden, ...(configFile === null ? [] : [configFile])];
  return {
    roots: await Promise.all(roots.map(resolveLinks)),
    except: await Promise.all(except.map(resolveLinks)),
    stage: stage === null ? null : await resolveLinks(stage),
    urls: allow.files?.filter(isUrl) ?? [],
    onStages: allow.files?.filter(isOnStage) ?? [],
    extensions: allow.extensions ?? [],
  };
}

/** What DuckDB may read when it runs SQL of the input. */
export async function confinementOf(allowed: AllowedFiles): Promise<Confinement> {
  const directories: string[] = [...allowed.urls];
  const paths: string[] = [];
  const listed: string[] = [];
  // DuckDB's setting does not support exceptions, so a folder that contains one is allowed entry by entry.
  const add = async (path: string): Promise<void> => {
    if (allowed.except.some((except) => isInside(except, path))) return;
    const entries = await readdir(path, { withFileTypes: true }).catch(() => null);
    if (entries === null) paths.push(path);
    else if (!allowed.except.some((except) => isInside(path, except))) directories.push(path);
    else {
      listed.push(path);
      for (const entry of entries) if (!entry.isSymbolicLink()) await add(join(path, entry.name));
    }
  };
  for (const root of allowed.roots) await add(root);
  return {
    directories: [...new Set(directories)],
    paths: [...new Set(paths)],
    extensions: allowed.extensions,
    listed: [...new Set(listed)],
  };
}

/**
 * A sentence for each of the source's files that may not be read. Matches of globs are checked when they are
 * listed.
 */
export async function sourceProblems(
  source: Source,
  projectDir: string,
  allowed: AllowedFiles,
): Promise<string[]> {
  if (!('files' in source)) return [];
  const { files, pattern = '' } = source;
  if (isOnStage(files)) {
    const isListed = allowed.onStages.some((place) => withSlash(files).startsWith(withSlash(place)));
    return isListed ? [] : [notListed(files)];
  }
  const path = resolve(projectDir, files);
  if (files.split('/').slice(1).includes('..') || !(await isAllowed(beforeGlob(path), allowed)))
    return [refusal('source.files', files, 'read')];
  if (pattern.split('/').includes('..') || !(await isAllowed(beforeGlob(join(path, pattern)), allowed)))
    return [refusal('source.pattern', pattern, 'read')];
  return [];
}

/** A sentence if the output file may not be written. */
export async function outputProblems(
  output: OutputPlan | null,
  projectDir: string,
  allowed: AllowedFiles,
): Promise<string[]> {
  if (output === null || !('file' in output)) return [];
  const file = await resolveLinks(resolve(projectDir, output.file));
  const onStage = allowed.stage !== null && isInside(allowed.stage, file);
  return onStage || !(await isAllowed(file, allowed)) ? [refusal('output.file', output.file, 'write')] : [];
}

function notListed(files: string): string {
  return `"source.files" is "${files}", which runs may not read on this worker: add "${withSlash(files)}" to allow.files in the worker's configuration.`;
}

function withSlash(place: string): string {
  return place.endsWith('/') ? place : `${place}/`;
}

function refusal(field: string, value: string, does: 'read' | 'write'): string {
  return (
    `"${field}" is "${value}", which runs may not ${does} on this worker: use a path below the project folder, ` +
    "or add its folder to allow.files in the worker's configuration."
  );
}

async function isAllowed(path: string, { roots, except }: AllowedFiles): Promise<boolean> {
  const real = await resolveLinks(path);
  return roots.some((root) => isInside(root, real)) && !except.some((folder) => isInside(folder, real));
}

/** The path with links resolved, as far as it exists. */
async function resolveLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await resolveLinks(parent), basename(path));
  }
}

/** The longest path prefix without a glob: everything that the glob can match is at or below it. */
function beforeGlob(path: string): string {
  const parts = path.split('/');
  const glob = parts.findIndex((part) => /[*?[]/.test(part));
  return glob === -1 ? path : parts.slice(0, glob).join('/') || '/';
}

async function hiddenEntries(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.filter((name) => name.startsWith('.')).map((name) => join(folder, name));
}

function stageFolder({ stage, projectDir, warehouse }: ProjectConfig): string | null {
  const uri = stageUri(stage, projectDir, warehouse);
  return uri.startsWith('file:') ? fileURLToPath(uri) : null;
}

function isUrl(entry: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(entry);
}
