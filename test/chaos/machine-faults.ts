/** The faults of the machine. */
import { openSync, closeSync, existsSync, readSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { atCommit } from './at-commit';
import type { MachineFault } from './scenario';
import { stageFiles } from './stage-files';
import { sleepUnlessClosed, troubleMs, type Inflict, type Victim } from './victim';
import { patiently } from './patiently';

export const MACHINE: Record<MachineFault, Inflict> = {
  async full({ world: { machine }, closed }) {
    machine.disk!.fill();
    await sleepUnlessClosed(closed);
    machine.disk!.makeRoom();
    return true;
  },
  /** The project's disk, with the warehouse file, when the commit begins to write. */
  async fullProject(victim) {
    const disk = victim.world.machine.projectDisk!;
    const met = await atCommit(victim, () => (disk.fill(), true));
    if (!met) return false;
    await sleepUnlessClosed(victim.closed);
    disk.makeRoom();
    return true;
  },
  async readOnly({ world: { machine }, closed }) {
    // Not while a file is being written.
    await patiently('a moment without writes', async () => (machine.disk!.setReadOnly(true), true));
    await sleepUnlessClosed(closed);
    machine.disk!.setReadOnly(false);
    return true;
  },
  /** As if a mount were lost: the folder below it contains nothing of the stage. */
  async away({ world, closed }) {
    const elsewhere = `${world.stage}.gone`;
    renameSync(world.stage, elsewhere);
    await sleepUnlessClosed(closed);
    if (existsSync(world.stage)) renameSync(world.stage, `${world.stage}.false`);
    renameSync(elsewhere, world.stage);
    return true;
  },
  async power(victim) {
    await restartAround(victim, () => victim.world.machine.disk!.losePower());
    return true;
  },
  /**
   * Workers read a file's digest once, so they are restarted afterwards. The bit is restored when the
   * execution has ended.
   */
  async flip(victim, { pick }) {
    const { world } = victim;
    const file = fileOfRows(world.stage, pick);
    if (file === null) return false;
    await restartAround(victim, () => world.repairs.push(flipBit(file, pick)));
    return true;
  },
  async stop({ world, closed }, { pick }) {
    const { alive } = world;
    const worker = alive[pick % alive.length]!;
    worker.kill('SIGSTOP');
    await sleepUnlessClosed(closed, troubleMs(pick));
    worker.kill('SIGCONT');
    return true;
  },
  async clock({ world: { machine } }, { pick }) {
    const hours = [2, -2, 240][pick % 3]!;
    machine.shiftClock(hours * 3_600_000);
    return true;
  },
};

/** Kills everything that works on the stage, as a power loss does. */
async function restartAround({ world, client }: Victim, act: () => void): Promise<void> {
  const before = world.alive.length;
  if (client.current !== null) {
    client.current.process.kill('SIGKILL');
    await client.current.exitCode;
  }
  await world.endWorkers();
  await patiently('runners to end with their workers', async () => (world.hasRunners() ? undefined : true));
  act();
  for (let n = 0; n < before; n++) await world.startWorker();
  client.current = world.command('watch', world.runId, '--json');
}

/** A file of rows. Null if there is none yet. */
function fileOfRows(stage: string, pick: number): string | null {
  // Rows returned by functions are many small files. Mostly, it is the snapshot, which all remaining
  // partitions read.
  const name = pick % 4 === 0 ? /\/rows-[^/]*\.parquet$/ : /\/snapshot[^/]*\.parquet$/;
  const files = stageFiles(stage).filter((each) => name.test(each));
  const file = files.sort()[pick % Math.max(1, files.length)];
  return file === undefined ? null : join(stage, file);
}

/** Flips one bit of the file, outside its framing. Returns what flips it back. */
function flipBit(path: string, pick: number): () => void {
  const { size } = statSync(path);
  const at = 4 + (pick % Math.max(1, size - 16));
  const change = (by: (byte: number) => number): void => {
    if (!existsSync(path)) return;
    const handle = openSync(path, 'r+');
    const byte = Buffer.alloc(1);
    readSync(handle, byte, 0, 1, at);
    byte[0] = by(byte[0]!);
    writeSync(handle, byte, 0, 1, at);
    closeSync(handle);
  };
  let intact = 0;
  change((byte) => (intact = byte) ^ (1 << (pick % 8)));
  // A power loss may have undone the flip.
  return () => change(() => intact);
}
