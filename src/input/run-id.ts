/** Run ids: workflow ids that can also be used as folder names and in messages. */
import { randomInt } from 'node:crypto';

const MAX_BYTES = 200;

/** The problem with a run id, as a sentence, or null if it is valid. */
export function runIdProblem(id: unknown): string | null {
  const rules = `A run id is 1 to ${MAX_BYTES} bytes of text without control characters or leading or trailing spaces.`;
  if (typeof id !== 'string')
    return `The run id is ${String(JSON.stringify(id))}, which is not a string. ${rules}`;
  if (id === '') return `The run id is empty. ${rules}`;
  if (Buffer.byteLength(id) > MAX_BYTES) {
    return `The run id "${id.slice(0, 40)}…" is ${Buffer.byteLength(id)} bytes long. ${rules}`;
  }
  // Control characters; an unpaired surrogate cannot be encoded.
  if (/[\p{Cc}\p{Cs}]/u.test(id) || id.trim() !== id)
    return `The run id ${JSON.stringify(id)} cannot be used. ${rules}`;
  if (/^\.+$/.test(id))
    return `The run id "${id}" consists only of dots, which would name a folder. Add a letter or a digit.`;
  if (id === '@last') return 'The run id "@last" stands for the newest run in commands. Choose another one.';
  return null;
}

/** `salesByRegion-20240131-235959-x7k2`, in UTC. */
export function defaultRunId(functionName: string, now = new Date(), random = randomInt(36 ** 4)): string {
  const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const tail = random.toString(36).padStart(4, '0');
  return `${functionName}-${stamp}-${tail}`;
}
