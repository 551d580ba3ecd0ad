import { InvalidArtifact } from './errors';

/** In UTF-8: file systems allow 255 bytes, and a file has a longer name while it is being written. */
const MAX_BYTES = 200;

/** Throws `InvalidArtifact` unless the name is a valid file name on every system. */
export function checkArtifactName(name: unknown): asserts name is string {
  const problem = artifactNameProblem(name);
  // enforces I6
  if (problem !== null) {
    throw new InvalidArtifact(
      `The artifact name ${JSON.stringify(name) ?? String(name)} ${problem}. Use a plain file name such as "summary.json".`,
    );
  }
}

/** Why the name is not valid, as the end of a sentence, or null if it is. */
export function artifactNameProblem(name: unknown): string | null {
  if (typeof name !== 'string') return 'is not a string';
  if (name === '') return 'is empty';
  if (!name.isWellFormed()) return 'contains a lone surrogate (half of a character)';
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_BYTES) return `has ${bytes} bytes in UTF-8; at most ${MAX_BYTES} are allowed`;
  if (/[/\\]/.test(name)) return 'contains a slash: artifacts cannot be in folders';
  if (name.startsWith('..') || name === '.') return 'starts like a path';
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f]/.test(name)) return 'contains a control character';
  return null;
}
