/**
 * Small file systems of their own, for what a full, read-only, lost or powered-off disk does. Mounting takes
 * root (on Linux, or in a user namespace that may mount): where that is missing, tests say NOT TESTED.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  /** Where it is mounted. */
  readonly folder: string;
  /** Takes all room that is left, until `makeRoom`. */
  fill(): void;
  makeRoom(): void;
  /** Remounts it read-only, or writable again. */
  setReadOnly(readOnly: boolean): void;
  /** Takes the mount away: the empty folder below it is seen. Open files go on. */
  unmount(): void;
  /** Mounts it again where it was; an ext4 image only, for a tmpfs keeps nothing. */
  mount(): void;
  /** Unmounts for good and removes what it took. Safe to repeat. */
  remove(): void;
}

/** An ext4 image, which can lose power. */
export interface PowerDisk extends SmallDisk {
  /**
   * The kernel's own simulation of a power loss: what was not forced to disk by now is lost. Ends with the
   * image mounted again, after its journal was replayed. Nothing may hold files open there.
   */
  losePower(): void;
}

/** A file system in memory of so many bytes. */
export function smallDisk(bytes: number): SmallDisk {
  const { base, folder } = newFolder();
  const mount = (): void => run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  mount();
  return disk(base, folder, mount);
}

/** An ext4 file system in an image file, mounted by a loop device. */
export function powerDisk(bytes: number): PowerDisk {
  const { base, folder } = newFolder();
  const image = join(base, 'image');
  execFileSync('truncate', ['-s', String(bytes), image]);
  run('mkfs.ext4', ['-q', '-F', image]);
  const mount = (): void => run('mount', ['-o', 'loop,commit=300', image, folder]);
  mount();
  const made = disk(base, folder, mount);
  return {
    ...made,
    losePower() {
      // ioctl(EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH)
      const script =
        'import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))';
      run('python3', ['-c', script, folder]);
      made.unmount();
      made.mount();
    },
  };
}

function newFolder(): { base: string; folder: string } {
  const base = mkdtempSync(join(tmpdir(), 'partwise-disk-'));
  const folder = join(base, 'mounted');
  mkdirSync(folder);
  return { base, folder };
}

function disk(base: string, folder: string, mount: () => void): SmallDisk {
  const filler = join(folder, 'filler');
  let mounted = true;
  const unmount = (): void => {
    if (mounted) run('umount', [folder]);
    mounted = false;
  };
  return {
    folder,
    fill() {
      const piece = Buffer.alloc(64 * 1024);
      // The last piece is cut down to the last byte.
      for (let size = piece.length; size >= 1;) {
        try {
          writeFileSync(filler, piece.subarray(0, size), { flag: 'a' });
        } catch {
          size = Math.floor(size / 2);
        }
      }
    },
    makeRoom: () => rmSync(filler, { force: true }),
    setReadOnly: (readOnly) => run('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'}`, folder]),
    unmount,
    mount() {
      if (!mounted) mount();
      mounted = true;
    },
    remove() {
      if (!existsSync(base)) return;
      unmount();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function run(command: string, args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Why small disks cannot be made here; null: they can. */
function withoutSmallDisks(): string | null {
  return tryOut(() => smallDisk(1024 * 1024));
}

/** The same of images that can lose power: these need ext4, a loop device and Python as well. */
export function withoutPowerLoss(): string | null {
  return tryOut(() => {
    const made = powerDisk(8 * 1024 * 1024);
    made.losePower();
    return made;
  });
}

function tryOut(make: () => SmallDisk): string | null {
  try {
    make().remove();
    return null;
  } catch (error) {
    const said = (error as { stderr?: Buffer }).stderr?.toString().trim() ?? '';
    return (said === '' ? String(error) : said).split('\n')[0]!;
  }
}

/** A suite that mounts small disks, or a line that says why it does not run. */
export function describeOnSmallDisks(title: string, suite: () => void): void {
  describeUnless(withoutSmallDisks(), title, suite);
}

/** A suite whose disks lose power, or a line that says why it does not run. */
export function describeWithPowerLoss(title: string, suite: () => void): void {
  describeUnless(withoutPowerLoss(), title, suite);
}

function describeUnless(missing: string | null, title: string, suite: () => void): void {
  // The chaos suite uses the disks outside Jest.
  const { describe, it }: typeof import('@jest/globals') = require('@jest/globals');
  if (missing === null) describe(title, suite);
  else
    describe(title, () => it.skip(`NOT TESTED: no file system can be mounted here (${missing})`, () => {}));
}
