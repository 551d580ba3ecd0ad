/**
 * Artifacts of one partition's outcome. They are read by reference and verified, never by a constructed path
 * (I3).
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import type { ArtifactRef } from '../../core/files';
import { partitionName } from '../../core/partition-name';
import { didYouMean } from '../../core/nearest';
import { NoSuchArtifact } from '../errors';

/** Number of names listed in a message. */
const MAX_NAMES = 20;

export function findArtifact(
  partitionId: string,
  artifacts: readonly ArtifactRef[],
  name: string,
): ArtifactRef {
  const found = artifacts.find((artifact) => artifact.name === name);
  if (found !== undefined) return found;
  const names = artifacts.map((artifact) => artifact.name);
  const more = names.length > MAX_NAMES ? `, … (${names.length.toLocaleString('en')} in all)` : '';
  const known =
    names.length === 0 ? 'It has none.' : `It has: ${names.slice(0, MAX_NAMES).join(', ')}${more}.`;
  throw new NoSuchArtifact(
    partitionId,
    name,
    `The partition "${partitionName(partitionId)}" has no artifact "${name}".${didYouMean(name, names)} ${known}`,
  );
}

/** Atomically writes the artifact to `folder` and returns the file's path. */
export async function writeArtifact(bytes: Uint8Array, name: string, folder: string): Promise<string> {
  const root = resolve(folder);
  const target = resolve(root, name);
  // enforces I6: even a name from a history that others wrote cannot point outside the folder.
  if (!target.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new Error(
      `The artifact name "${name}" points outside the folder "${folder}", so it was not written.`,
    );
  }
  await mkdir(dirname(target), { recursive: true });
  const partial = `${target}.${randomUUID()}.partial`;
  try {
    await writeFile(partial, bytes);
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
  return target;
}
