/**
 * File system errors that are not caused by the request: the stage, or a folder that a put needs, is
 * temporarily unavailable.
 */
import { isFullDisk } from '../files/full-disk';
import { StageUnavailable } from './stage';

const RIGHTS = 'Give this user permission to read and write there';
const MOUNT = 'Check what is mounted there';

/** The remedy for each, by error code. */
const REMEDIES: Readonly<Record<string, string>> = {
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
 * Converts the error to `StageUnavailable` if it is the place's: a full or read-only disk, a lost mount, or
 * missing permissions. `place` begins a sentence, such as `The stage file:///stage`.
 */
export function asUnavailable(error: unknown, place: string): unknown {
  if (!(error instanceof Error)) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const known = Object.hasOwn(REMEDIES, code) ? REMEDIES[code] : undefined;
  const remedy = isFullDisk(error) ? 'Free up space there' : known;
  if (remedy === undefined) return error;
  return new StageUnavailable(
    `${place} is unavailable: ${message}. ${remedy}; the run then continues automatically.`,
    { cause: error },
  );
}
