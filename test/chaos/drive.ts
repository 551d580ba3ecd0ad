/**
 * Runs a scenario to its end: starts the run, inflicts the faults, and continues the run until it is a
 * SUCCESS.
 */
import { writeFileSync } from 'node:fs';
import type { RunState } from '../../src/index';
import { inflict, type Victim } from './faults';
import { MAX_EXECUTIONS, type Fault, type FaultKind, type Scenario } from './scenario';
import { patiently, type Command, type World } from './world';

/** One finished execution. */
export interface Executed {
  workflowRunId: string;
  /** Temporal's close status. */
  closed: string;
  closedAt: number;
  /** Exit code of the command that followed it to its end; null if that was killed. */
  exitCode: number | null;
}

export interface Driven {
  executions: Executed[];
  state: RunState;
  /** Faults that took effect, by kind. */
  inflicted: Partial<Record<FaultKind, number>>;
  /** Faults that came after the run had ended. */
  missed: number;
}

export async function drive(world: World, scenario: Scenario, say: (text: string) => void): Promise<Driven> {
  const faults = [...scenario.faults].sort((a, b) => lateness(a) - lateness(b));
  const driven: Driven = { executions: [], state: null as never, inflicted: {}, missed: 0 };
  await Promise.all(Array.from({ length: scenario.workers }, () => world.startWorker()));
  for (let n = 0; n < MAX_EXECUTIONS; n++) {
    const started = n === 0 ? await startPlain(world, world.input) : await proceed(world, scenario, n);
    say(`execution ${n + 1} started (${started.how})`);
    const executed = await follow(world, started, faults, driven, say);
    driven.executions.push(executed);
    world.flipped?.();
    world.flipped = null;
    driven.state = await patiently('the state', () => world.partwise.getRun(world.runId).status());
    const { status, counts, error } = driven.state;
    say(
      `execution ${n + 1} ended: ${executed.closed}, ${status}, ${counts.DONE} of ${counts.total} DONE` +
        (counts.SKIPPED === 0 ? '' : `, ${counts.SKIPPED} SKIPPED`) +
        (error === null ? '' : ` (${error.type}: ${error.message.slice(0, 300)})`),
    );
    // Skipped partitions are run.
    if (status === 'SUCCESS' && counts.SKIPPED === 0) {
      driven.missed += faults.length;
      return driven;
    }
    // A run that ended through its own failures is fixed.
    if (executed.closed === 'FAILED' || executed.closed === 'COMPLETED') writeFileSync(world.fixedFile, '');
  }
  throw new Error(`The run is ${driven.state.status} after ${MAX_EXECUTIONS} executions.`);
}

interface Started {
  workflowRunId: string;
  client: Command;
  how: string;
}

async function startPlain(world: World, input: Record<string, unknown>): Promise<Started> {
  const handle = await patiently('the start', () =>
    world.client.workflow.start('partitionedRun', {
      workflowId: world.runId,
      taskQueue: 'chaos',
      args: [input],
    }),
  );
  const client = world.command('watch', world.runId, '--json');
  return { workflowRunId: handle.firstExecutionRunId, client, how: 'plain start, partwise watch' };
}

async function proceed(world: World, { continuations }: Scenario, n: number): Promise<Started> {
  if (continuations[n] === 'plain') return startPlain(world, { onExisting: 'retry' });
  const before = await latest(world);
  const client = world.command('retry', world.runId, '--json');
  let exited: number | null | undefined;
  void client.exitCode.then((code) => (exited = code));
  const workflowRunId = await patiently('partwise retry', async () => {
    const now = await latest(world);
    if (now.runId !== before.runId) return now.runId;
    if (exited !== undefined) return '';
    return undefined;
  });
  if (workflowRunId === '') throw new Error(`partwise retry ended with ${exited} and started nothing.`);
  return { workflowRunId, client, how: 'partwise retry' };
}

async function follow(
  world: World,
  { workflowRunId, client }: Started,
  faults: Fault[],
  driven: Driven,
  say: (text: string) => void,
): Promise<Executed> {
  const closed = new AbortController();
  const end = untilClosed(world, workflowRunId).finally(() => closed.abort());
  end.catch(() => {});
  const victim: Victim = { world, closed: closed.signal, workflowRunId, client: { current: client } };
  while (faults.length > 0) {
    const fault = faults[0]!;
    if (!(await world.calls.until(() => world.calls.ended >= fault.after, closed.signal))) break;
    const met = await inflict(victim, fault);
    say(`after ${fault.after} calls: ${fault.kind}${met ? '' : ' (too late)'}`);
    // The execution closed first: the next one gets the fault.
    if (!met && closed.signal.aborted) break;
    faults.shift();
    if (met) driven.inflicted[fault.kind] = (driven.inflicted[fault.kind] ?? 0) + 1;
    else driven.missed++;
  }
  const { status, closeTime } = await end;
  const exitCode = await victim.client.current!.exitCode;
  return { workflowRunId, closed: status, closedAt: closeTime.getTime(), exitCode };
}

function untilClosed(world: World, workflowRunId: string): Promise<{ status: string; closeTime: Date }> {
  return patiently(`the end of execution ${workflowRunId}`, async () => {
    const { status, closeTime } = await world.client.workflow
      .getHandle(world.runId, workflowRunId)
      .describe();
    return status.name === 'RUNNING' ? undefined : { status: status.name, closeTime: closeTime! };
  });
}

function latest(world: World): Promise<{ runId: string }> {
  return patiently('the server', () => world.client.workflow.getHandle(world.runId).describe());
}

/** The commit comes last. */
function lateness({ kind, after }: Fault): number {
  return kind === 'commit' ? Infinity : after;
}
