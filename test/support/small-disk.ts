/**
 * Small separate file systems, for disks that are full, read-only, lost or powered off. Mounting needs root
 * (on Linux, or in a user namespace that may mount): without it, tests report NOT TESTED.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk {
  /** Its mount point. */
  readonly folder: string;
  /** Uses up all free space, until `makeRoom`. */
  fill(): void;
  makeRoom(): void;
  /** Remounts it read-only, or writable again. */
  setReadOnly(readOnly: boolean): void;
  /** Unmounts it: the empty folder below is visible. Open files stay usable. */
  unmount(): void;
  /** Mounts it again in the same place; only for an ext4 image, since a tmpfs keeps nothing. */
  mount(): void;
  /** Unmounts permanently and removes its resources. Safe to repeat. */
  remove(): void;
}

/** An ext4 image, which can lose power. */
export interface PowerDisk extends SmallDisk {
  /**
   * The kernel's own simulation of a power loss: everything not yet flushed to disk is lost. Afterwards the
   * image is mounted again and its journal has been replayed. No process may have files open there.
   */
  losePower(): void;
}

const FILLER = 'filler';

/** An in-memory file system of this many bytes. */
export function smallDisk(bytes: number): SmallDisk {
  const { base, folder } = newFolder();
  const mount = (): void => run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  mount();
  return disk(base, folder, mount);
}

/** An ext4 file system in an image file, mounted through a loop device. */
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
      const wasFull = existsSync(join(folder, FILLER));
      // ioctl(EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH)
      const script =
        'import fcntl, os, struct, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack("I", 2))';
      run('python3', ['-c', script, folder]);
      made.unmount();
      made.mount();
      // The loss may have undone its removal.
      if (!wasFull) made.makeRoom();
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
  const filler = join(folder, FILLER);
  let mounted = true;
  const unmount = (): void => {
    if (mounted) run('umount', [folder]);
    mounted = false;
  };
  return {
    folder,
    fill() {
      const piece = Buffer.alloc(64 * 1024);
      // The last piece shrinks down to one byte.
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

/** The reason why small disks cannot be created here, or null. */
function withoutSmallDisks(): string | null {
  return tryOut(() => smallDisk(1024 * 1024));
}

/** The same for images that can lose power: these also need ext4, a loop device and Python. */
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
    const message = (error as { stderr?: Buffer }).stderr?.toString().trim() ?? '';
    return (message === '' ? String(error) : message).split('\n')[0]!;
  }
}

/** A suite that mounts small disks, or one test that reports why it does not run. */
export function describeOnSmallDisks(title: string, suite: () => void): void {
  describeUnless(withoutSmallDisks(), title, suite);
}

/** A suite whose disks lose power, or one test that reports why it does not run. */
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
