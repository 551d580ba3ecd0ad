/**
 * Runs a scenario to its end: starts the run, inflicts the faults, and continues the run until it is a
 * SUCCESS.
 */
import { writeFileSync } from 'node:fs';
import type { RunState } from '../../src/index';
import { clean } from './clean';
import { inflict, REFUSED } from './faults';
import { hand } from './hands';
import { MAX_EXECUTIONS, type Fault, type FaultKind, type Scenario } from './scenario';
import { TASK_QUEUE } from './project';
import type { Victim } from './victim';
import { patiently } from './patiently';
import { UNANSWERED, type Command, type World } from './world';

/** It goes on as long as an execution, so often enough and no more. */
const CLOSED_POLL_MS = 200;

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
    const started = n === 0 ? await begin(world, scenario) : await proceed(world, scenario, driven, n);
    say(`execution ${n + 1} started (${started.how})`);
    const executed = await follow(world, started, faults, driven, say);
    driven.executions.push(executed);
    for (const repair of world.repairs.splice(0)) repair();
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
      taskQueue: TASK_QUEUE,
      args: [input],
    }),
  );
  const client = world.command('watch', world.runId, '--json');
  return { workflowRunId: handle.firstExecutionRunId, client, how: 'plain start, partwise watch' };
}

function begin(world: World, { start }: Scenario): Promise<Started> {
  return start === 'race' ? race(world, world.runCommand('error')) : startPlain(world, world.input);
}

async function proceed(world: World, scenario: Scenario, { state }: Driven, n: number): Promise<Started> {
  if (scenario.cleans[n] === true) await clean(world, [], 0);
  const how = scenario.continuations[n];
  if (how === 'plain') return startPlain(world, { onExisting: 'retry' });
  if (how === 'console') {
    const workflowRunId = await patiently('a retry from the console', () => hand('console', world).retry());
    return {
      workflowRunId,
      client: world.command('watch', world.runId, '--json'),
      how: 'retry from the console',
    };
  }
  const command = ['retry', world.runId, '--json'];
  // Two of them wait for each other at a call; if nothing is to be called, the second may come too late.
  if (how === 'race' && state.counts.DONE < state.counts.total) return race(world, command);
  const before = await latest(world);
  for (;;) {
    const client = world.command(...command);
    const workflowRunId = await startedBy(world, client, before);
    if (workflowRunId !== null) return { workflowRunId, client, how: 'partwise retry' };
  }
}

/** The execution that the command starts after this one; null if the server did not answer it in time. */
async function startedBy(world: World, client: Command, before: string | null): Promise<string | null> {
  let exited: number | null | undefined;
  void client.exitCode.then((code) => (exited = code));
  const started = await patiently('a command to start the run', async () => {
    const now = await latest(world);
    if (now !== null && now !== before) return now;
    return exited === undefined ? undefined : '';
  });
  if (started !== '') return started;
  if (UNANSWERED.test(client.text())) return null;
  throw new Error(`A command started nothing and ended with ${exited}: ${client.text()}`);
}

/** Two commands at once: one starts an execution, and the other is refused. */
async function race(world: World, command: string[]): Promise<Started> {
  const before = await latest(world);
  return world.whileHeld(async () => {
    const both = [world.command(...command), world.command(...command)];
    const ended = new Map<Command, number | null>();
    const note = (each: Command): void => void each.exitCode.then((code) => ended.set(each, code));
    both.forEach(note);
    const loser = await patiently('one of two commands to be refused', async () => {
      const first = both.findIndex((each) => ended.has(each));
      if (first === -1 || !UNANSWERED.test(both[first]!.text())) return both[first];
      both[first] = world.command(...command);
      note(both[first]);
      return undefined;
    });
    const workflowRunId = await latest(world);
    if (ended.get(loser) !== 2 || workflowRunId === null || !REFUSED.test(loser.text()))
      throw new Error(`The later of two commands ended with ${ended.get(loser)}: ${loser.text()}`);
    if (workflowRunId === before)
      throw new Error(`Neither of two commands started anything: ${loser.text()}`);
    return {
      workflowRunId,
      client: both.find((each) => each !== loser)!,
      how: `one of two partwise ${command[0]}`,
    };
  });
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
  const followed = victim.client.current!;
  const ended = await followed.exitCode;
  // It was started while the server answered nobody.
  const isUnanswered = ended !== 0 && UNANSWERED.test(followed.text());
  const exitCode = isUnanswered ? (await world.finish('watch', world.runId, '--json')).code : ended;
  return { workflowRunId, closed: status, closedAt: closeTime.getTime(), exitCode };
}

function untilClosed(world: World, workflowRunId: string): Promise<{ status: string; closeTime: Date }> {
  const look = async (): Promise<{ status: string; closeTime: Date } | undefined> => {
    const { status, closeTime } = await world.client.workflow
      .getHandle(world.runId, workflowRunId)
      .describe();
    return status.name === 'RUNNING' ? undefined : { status: status.name, closeTime: closeTime! };
  };
  // On a busy machine, an execution takes many minutes.
  const moves = (): number => world.calls.read().length;
  return patiently(`the end of execution ${workflowRunId}`, look, { everyMs: CLOSED_POLL_MS, moves });
}

/** The Temporal run id of the newest execution. */
function latest(world: World): Promise<string | null> {
  return patiently('the server', async () => {
    try {
      return (await world.client.workflow.getHandle(world.runId).describe()).runId;
    } catch (error) {
      if ((error as Error).name === 'WorkflowNotFoundError') return null;
      throw error;
    }
  });
}

/** What waits for a commit comes last. */
function lateness({ kind, after }: Fault): number {
  return kind === 'commit' || kind === 'fullProject' ? Number.MAX_SAFE_INTEGER : after;
}
