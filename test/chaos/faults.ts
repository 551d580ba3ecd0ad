/** The faults inflicted on a run. Each returns whether it could take effect. */
import { once } from 'node:events';
import { openSync, closeSync, existsSync, readSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdWarehouse } from '../support/hold-warehouse';
import type { Fault, FaultKind } from './scenario';
import { stageFiles } from './stage-files';
import { patiently, type Command, type World } from './world';

export interface Victim {
  world: World;
  /** Aborted when the execution closes. */
  closed: AbortSignal;
  workflowRunId: string;
  /** The command that follows the run. */
  client: { current: Command | null };
}

type Inflict = (victim: Victim, fault: Fault) => Promise<boolean>;

const INFLICT: Record<FaultKind, Inflict> = {
  async runner({ world, closed }, { pick }) {
    const running = () => world.calls.unfinished().filter(({ pid }) => world.isRunner(pid));
    const before = world.calls.read().length;
    if (!(await world.calls.until(() => running().length > 0, closed))) {
      const missed = world.calls.read().length - before;
      if (missed > MOST_UNSEEN) throw new Error(`${missed} lines of the call log came from no known runner.`);
      return false;
    }
    const now = running();
    const { pid } = now[pick % now.length]!;
    return kill(pid);
  },
  async worker({ world }, { pick }) {
    const { alive } = world;
    const worker = alive[pick % alive.length]!;
    const exited = once(worker, 'exit');
    worker.kill('SIGKILL');
    await exited;
    await world.startWorker();
    return true;
  },
  async deploy({ world }, { pick }) {
    const { alive } = world;
    const old = alive[pick % alive.length]!;
    const exited = once(old, 'exit');
    old.kill('SIGTERM');
    await world.startWorker();
    await exited;
    return true;
  },
  async server({ world }) {
    await world.killServer();
    return true;
  },
  async client({ world, client }) {
    if (client.current === null) return false;
    client.current.process.kill('SIGKILL');
    await client.current.exitCode;
    client.current = world.command('watch', world.runId, '--json');
    return true;
  },
  terminate: (victim) => terminate(victim),
  cancel: ({ world }) => whileOpen(() => world.partwise.getRun(world.runId).cancel()),
  async pause({ world, closed }) {
    const run = world.partwise.getRun(world.runId);
    if (!(await whileOpen(() => run.pause()))) return false;
    // Running partitions finish; after that, nothing starts.
    await patiently('a paused run to come to rest', async () => {
      if (closed.aborted) return true;
      return (await run.status()).counts.RUNNING === 0 || undefined;
    });
    const before = world.calls.read().length;
    await changeTable(world);
    const started = world.calls
      .read()
      .slice(before)
      .find(({ what }) => what === 'begin');
    if (started !== undefined)
      throw new Error(`Partition ${started.id} was called while the run was paused.`);
    return whileOpen(() => run.unpause());
  },
  concurrency: ({ world }, { pick }) =>
    whileOpen(() => world.partwise.getRun(world.runId).set({ maxConcurrency: 1 + (pick % 8) })),
  /**
   * Skips a partition that has not started; it may start, or be part of a batch in flight, before the skip.
   */
  async skip({ world }, { pick }) {
    const started = new Set(world.calls.read().map(({ id }) => id));
    const waiting = world.ids.filter((id) => !started.has(id));
    if (waiting.length === 0) return false;
    const id = waiting[pick % waiting.length]!;
    const done = await whileOpen(() => world.partwise.getRun(world.runId).skip([id]));
    if (done) world.skipped.push({ id, at: Date.now() });
    return done;
  },
  async table({ world }) {
    await changeTable(world);
    return true;
  },
  async full({ world: { machine }, closed }) {
    machine.disk!.fill();
    await sleepUnlessClosed(closed);
    machine.disk!.makeRoom();
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
    await restartAround(victim, () => (world.flipped ??= flipBit(world.stage, pick)));
    return world.flipped !== null;
  },
  async stop({ world, closed }, { pick }) {
    const { alive } = world;
    const worker = alive[pick % alive.length]!;
    worker.kill('SIGSTOP');
    await sleepUnlessClosed(closed);
    worker.kill('SIGCONT');
    return true;
  },
  async clock({ world: { machine } }, { pick }) {
    const hours = [2, -2, 240][pick % 3]!;
    machine.shiftClock(hours * 3_600_000);
    return true;
  },
  /** Terminates the run while its commit waits for the warehouse file, so that the commit comes late. */
  async commit(victim) {
    const { world, closed, workflowRunId } = victim;
    const holder = await patiently('the warehouse file', () => holdWarehouse(world.warehouse));
    const handle = world.client.workflow.getHandle(world.runId, workflowRunId);
    try {
      const found = await patiently('the commit', async () => {
        if (closed.aborted) return false;
        const { raw } = await handle.describe();
        const { pendingActivities } = raw as { pendingActivities?: { activityType?: { name?: string } }[] };
        return pendingActivities?.some(({ activityType }) => activityType?.name === 'commitRun') || undefined;
      });
      return found && (await terminate(victim));
    } finally {
      const exited = once(holder, 'exit');
      holder.kill('SIGKILL');
      await exited;
    }
  },
};

/** Lines that the call log may get between two looks at it. */
const MOST_UNSEEN = 50;

/** Long enough to affect units, and for a heartbeat timeout. */
const TROUBLE_MS = 6_000;

async function sleepUnlessClosed(closed: AbortSignal): Promise<void> {
  await sleep(TROUBLE_MS, undefined, { signal: closed }).catch(() => {});
}

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

/** Flips one bit of an existing file of rows, outside its framing. Null if there is none. */
function flipBit(stage: string, pick: number): (() => void) | null {
  // Rows returned by functions are many small files. Mostly, flip a bit of the snapshot, which all remaining
  // partitions read.
  const name = pick % 4 === 0 ? /\/rows-[^/]*\.parquet$/ : /\/snapshot[^/]*\.parquet$/;
  const files = stageFiles(stage).filter((each) => name.test(each));
  const file = files.sort()[pick % Math.max(1, files.length)];
  if (file === undefined) return null;
  const path = join(stage, file);
  const { size } = statSync(path);
  const at = 4 + (pick % Math.max(1, size - 16));
  const flip = (): void => {
    if (!existsSync(path)) return;
    const handle = openSync(path, 'r+');
    const byte = Buffer.alloc(1);
    readSync(handle, byte, 0, 1, at);
    byte[0]! ^= 1 << (pick % 8);
    writeSync(handle, byte, 0, 1, at);
    closeSync(handle);
  };
  flip();
  return flip;
}

export function inflict(victim: Victim, fault: Fault): Promise<boolean> {
  return INFLICT[fault.kind](victim, fault);
}

function terminate({ world, workflowRunId }: Victim): Promise<boolean> {
  return whileOpen(async () => {
    await world.client.workflow.getHandle(world.runId, workflowRunId).terminate('chaos');
  });
}

/** False if the run has ended or refuses. */
function whileOpen(act: () => Promise<void>): Promise<boolean> {
  return patiently('the server', async () => {
    try {
      await act();
      return true;
    } catch (error) {
      const { name } = error as Error;
      if (['RunEnded', 'UpdateRefused', 'WorkflowNotFoundError'].includes(name)) return false;
      throw error;
    }
  });
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

/** Inserts, changes and deletes rows; one partition is added, and one removed. */
function changeTable(world: World): Promise<void> {
  return world.execute(
    "INSERT INTO source VALUES ('new', 0, 1, 1), ('region 3', 3, 99, 1000000)",
    "UPDATE source SET amount = amount + 5000 WHERE k = 'region 5'",
    "DELETE FROM source WHERE k = 'region 7' OR k = '..'",
  );
}
