/**
 * What a seed may do to the machine: separate disks below the stage and the project, and the clock of its
 * processes.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { powerDisk, withoutPowerLoss, type PowerDisk } from '../support/small-disk';
import type { MachineFault, Scenario } from './scenario';

const DISK_BYTES = 96 * 1024 * 1024;

let diskless: string | null | undefined;
let clockless: string | null | undefined;

/** The reason why a fault is not possible on this machine, or null. */
export function missingFor(fault: MachineFault): string | null {
  switch (fault) {
    case 'full':
    case 'fullProject':
    case 'readOnly':
    case 'power':
      return (diskless ??= withoutPowerLoss());
    case 'clock':
      return (clockless ??= withoutClock());
    case 'away':
    case 'flip':
    case 'stop':
      return null;
  }
}

function withoutClock(): string | null {
  if (process.platform !== 'linux') return 'clocks are shifted by a preloaded library, on Linux alone';
  const folder = mkdtempSync(join(tmpdir(), 'partwise-clock-'));
  try {
    const { environment } = makeClock(folder);
    const shifted = execFileSync(process.execPath, ['-p', 'Date.now()'], {
      env: { ...process.env, ...environment },
      encoding: 'utf8',
    });
    return Number(shifted) - Date.now() < -30_000
      ? null
      : 'the preloaded library shifts no clock of this Node';
  } catch (error) {
    return (error as Error).message.split('\n')[0]!;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The library and its file, which at first sets the clock back one minute. */
function makeClock(folder: string): { offsets: string; environment: NodeJS.ProcessEnv } {
  const [library, offsets] = [join(folder, 'clock.so'), join(folder, 'offset')];
  const source = join(__dirname, 'clock.c');
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { stdio: 'pipe' });
  writeFileSync(offsets, nanoseconds(-60_000));
  return { offsets, environment: { LD_PRELOAD: library, CHAOS_CLOCK: offsets } };
}

function nanoseconds(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(ms) * 1_000_000n);
  return bytes;
}

export class Machine {
  private constructor(
    readonly disk: PowerDisk | null,
    readonly projectDisk: PowerDisk | null,
    private readonly clock: { folder: string; offsets: string; environment: NodeJS.ProcessEnv } | null,
  ) {}

  static make({ family, faults }: Scenario): Machine {
    if (family === 'processes') return new Machine(null, null, null);
    const disk = missingFor('power') === null ? powerDisk(DISK_BYTES) : null;
    const has = (fault: MachineFault): boolean =>
      faults.some(({ kind }) => kind === fault) && missingFor(fault) === null;
    const projectDisk = has('fullProject') ? powerDisk(DISK_BYTES) : null;
    if (!has('clock')) return new Machine(disk, projectDisk, null);
    const folder = mkdtempSync(join(tmpdir(), 'partwise-clock-'));
    const machine = new Machine(disk, projectDisk, { folder, ...makeClock(folder) });
    machine.shiftClock(0);
    return machine;
  }

  /** Environment of processes whose clock can be shifted. */
  get environment(): NodeJS.ProcessEnv {
    return this.clock?.environment ?? {};
  }

  /** Takes effect in all processes immediately. */
  shiftClock(ms: number): void {
    const file = openSync(this.clock!.offsets, 'r+');
    writeSync(file, nanoseconds(ms), 0, 8, 0);
    closeSync(file);
  }

  remove(): void {
    this.disk?.remove();
    this.projectDisk?.remove();
    if (this.clock !== null) rmSync(this.clock.folder, { recursive: true, force: true });
  }
}
