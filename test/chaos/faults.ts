/** The faults inflicted on a run. Each returns whether it could take effect. */
import { once } from 'node:events';
import { atCommit } from './at-commit';
import type { CallEvent } from './calls';
import { clean } from './clean';
import { hand } from './hands';
import { MACHINE } from './machine-faults';
import type { Fault, FaultKind } from './scenario';
import { sleepUnlessClosed, troubleMs, type Inflict, type Victim } from './victim';
import { patiently } from './patiently';

const INFLICT: Record<FaultKind, Inflict> = {
  async runner({ world, closed }, { pick }) {
    const before = world.calls.read().length;
    let running: CallEvent[] = [];
    const look = (): boolean => {
      running = world.calls.unfinished().filter(({ pid }) => world.isRunner(pid));
      return running.length > 0;
    };
    if (!(await world.calls.until(look, closed))) {
      const missed = world.calls.read().length - before;
      if (missed > MOST_UNSEEN) throw new Error(`${missed} lines of the call log came from no known runner.`);
      return false;
    }
    const { pid } = running[pick % running.length]!;
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
    await world.server.kill();
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
  cancel: ({ world }, { by }) => whileOpen(() => hand(by, world).cancel()),
  async pause({ world, closed }, { by }) {
    const run = world.partwise.getRun(world.runId);
    if (!(await whileOpen(() => hand(by, world).pause()))) return false;
    // Running partitions finish; after that, nothing starts.
    await patiently('a paused run to come to rest', async () => {
      if (closed.aborted) return true;
      return (await run.status()).counts.RUNNING === 0 || undefined;
    });
    // Functions of an earlier, terminated execution have a few seconds left.
    await sleepUnlessClosed(closed, world.terminatedAt + TERMINATED_CALLS_MS - Date.now());
    const before = world.calls.read().length;
    await world.source.change();
    const started = world.calls
      .read()
      .slice(before)
      .find(({ what }) => what === 'begin');
    if (started !== undefined)
      throw new Error(`Partition ${started.id} was called while the run was paused.`);
    return whileOpen(() => hand(by, world).unpause());
  },
  concurrency: ({ world }, { pick, by }) => whileOpen(() => hand(by, world).setConcurrency(1 + (pick % 8))),
  /**
   * Skips a partition that has not started; it may start, or be part of a batch in flight, before the skip.
   */
  async skip({ world }, { pick, by }) {
    const started = new Set(world.calls.read().map(({ id }) => id));
    const waiting = world.ids.filter((id) => !started.has(id));
    if (waiting.length === 0) return false;
    const id = waiting[pick % waiting.length]!;
    const done = await whileOpen(() => hand(by, world).skip(id));
    if (done) world.skipped.push({ id, at: Date.now() });
    return done;
  },
  async table({ world }) {
    await world.source.change();
    return true;
  },
  /** It comes back with everything that it had accepted. */
  async store({ world, closed }) {
    const restart = await world.store!.kill();
    await sleepUnlessClosed(closed);
    await restart();
    return true;
  },
  /** For some seconds, or a minute. */
  async freeze({ world }, { pick }) {
    await world.server.freeze(troubleMs(pick));
    return true;
  },
  /** Nothing that the run needs is removed, whatever is selected. */
  async clean(victim, { pick }) {
    const { world } = victim;
    const selection = [[], ['--keep', '0'], ['--older-than', '1s'], ['--run', world.runId]][pick % 4]!;
    return whileHeld(victim, async () => {
      const refused = selection[0] === '--run';
      const text = await clean(world, selection, refused ? 2 : 0);
      if (refused && !text.includes('is in progress')) throw new Error(`partwise clean --run: ${text}`);
    });
  },
  /** Another command for the same run id starts nothing, and says why. */
  async rival(victim, { pick }) {
    const { world, workflowRunId } = victim;
    const onExisting = ['error', 'retry', 'overwrite'][pick % 3]!;
    return whileHeld(victim, async () => {
      const { code, text } = await world.finish(...world.runCommand(onExisting));
      if (code !== 2 || !REFUSED.test(text))
        throw new Error(`Another partwise run --on-existing ${onExisting} ended with ${code}: ${text}`);
      const { runId } = await patiently('the server', () =>
        world.client.workflow.getHandle(world.runId).describe(),
      );
      if (runId !== workflowRunId) throw new Error(`--on-existing ${onExisting} started ${runId}.`);
    });
  },
  /** Where each file is a partition, one that was not called yet; else the table or file of all rows. */
  async replace({ world }, { pick }) {
    if (world.scenario.source !== 'files') return world.source.replace().then(() => true);
    const called = new Set(world.calls.read().map(({ id }) => id));
    const waiting = world.ids.filter((id) => !called.has(id) && !world.replaced.has(id));
    if (waiting.length === 0) return false;
    const id = waiting[pick % waiting.length]!;
    world.replaced.add(id);
    world.repairs.push(world.source.replaceFile(id, pick % 2 === 0));
    return true;
  },
  ...MACHINE,
  /** Terminates the run while its commit waits for the warehouse file, so that the commit comes late. */
  commit: (victim) => atCommit(victim, () => terminate(victim)),
};

/** What a command says that wants to start a run which is in progress. */
export const REFUSED = /is still running|already exists/;

/** How long functions of a terminated execution may go on: the heartbeat timeout, and the time to stop. */
const TERMINATED_CALLS_MS = 6_000;

/** Lines that the call log may get between two looks at it. */
const MOST_UNSEEN = 50;

export function inflict(victim: Victim, fault: Fault): Promise<boolean> {
  return INFLICT[fault.kind](victim, fault);
}

function terminate({ world, workflowRunId }: Victim): Promise<boolean> {
  return whileOpen(async () => {
    await world.client.workflow.getHandle(world.runId, workflowRunId).terminate('chaos');
    world.terminatedAt = Date.now();
  });
}

/** Acts while a call waits, so that the run cannot end. False if the execution has closed, or is about to. */
async function whileHeld(
  { world, closed, workflowRunId }: Victim,
  act: () => Promise<void>,
): Promise<boolean> {
  return world.whileHeld(async () => {
    const heldAt = Date.now();
    const waits = () => world.calls.unfinished().some(({ at, pid }) => at > heldAt && world.isRunner(pid));
    if (!(await world.calls.until(waits, closed))) return false;
    // Calls of an execution that was terminated go on for a moment.
    const { status, raw } = await patiently('the server', () =>
      world.client.workflow.getHandle(world.runId, workflowRunId).describe(),
    );
    if (status.name !== 'RUNNING' || raw.workflowExtendedInfo?.cancelRequested === true) return false;
    await act();
    return true;
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
