/**
 * What a file system answers that is no fault of what was asked: the stage does not answer now, and will
 * again.
 */
import { StageUnavailable } from '../stage';

const FULL = 'Free up space there';
const RIGHTS = 'Give this user permission to read and write there';
const MOUNT = 'Check what is mounted there';

/** What a person does about each, by error code. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EROFS: 'Remount it writable',
  EACCES: RIGHTS,
  EPERM: RIGHTS,
  EIO: 'Check the disk',
  ESTALE: MOUNT,
  ENOTCONN: MOUNT,
  ECONNRESET: MOUNT,
  EHOSTDOWN: MOUNT,
  EHOSTUNREACH: MOUNT,
  ENETDOWN: MOUNT,
  ENETUNREACH: MOUNT,
  ETIMEDOUT: MOUNT,
  EREMOTEIO: MOUNT,
  ENODEV: MOUNT,
  ENXIO: MOUNT,
  ENOLCK: MOUNT,
  EMFILE: 'Allow the process more open files (ulimit -n)',
  ENFILE: 'Allow the machine more open files',
};

/**
 * The error as the stage's, if it is: a full or read-only disk, a mount that is gone, rights that were taken.
 */
export function asUnavailable(error: unknown, uri: string): unknown {
  if (!(error instanceof Error)) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const remedy = Object.hasOwn(REMEDIES, code) ? REMEDIES[code] : undefined;
  if (remedy === undefined) return error;
  return new StageUnavailable(
    `The stage ${uri} is unavailable: ${message}. ${remedy}; the run then continues automatically.`,
    { cause: error },
  );
}
