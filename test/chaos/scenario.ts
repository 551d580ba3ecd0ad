/** What a seed means: the table, how each partition behaves, and which faults come when. Pure. */
import { Random } from './random';

/** How the function behaves for a partition. `UntilMended`: in every call, until the run has been mended. */
export type Kind =
  'good' | 'throwsOnce' | 'throwsUntilMended' | 'killsOnce' | 'killsUntilMended' | 'fillsMemoryOnce';

export interface Behaviour {
  kind: Kind;
  /** Work per call, in milliseconds. */
  ms: number;
  /** Rows that it returns. */
  returns: number;
  /** Size of its artifact. */
  bytes: number;
  /** Prints its environment, as careless code does. */
  prints: boolean;
}

export type Key = [string | null, number];

export interface PartitionSpec {
  key: Key;
  rows: number;
  behaviour: Behaviour;
}

export const FAULTS = [
  'runner',
  'worker',
  'server',
  'client',
  'deploy',
  'terminate',
  'cancel',
  'pause',
  'concurrency',
  'skip',
  'table',
  'commit',
] as const;
export type FaultKind = (typeof FAULTS)[number];

export interface Fault {
  kind: FaultKind;
  /** It comes when so many calls of the function have ended, in all executions together. */
  after: number;
  /** Decides which one of several (runners, workers, partitions, widths). */
  pick: number;
}

export interface Scenario {
  seed: number;
  /** One unit per partition, or batches. */
  shape: 'single' | 'batch';
  partitions: PartitionSpec[];
  workers: number;
  faults: Fault[];
  /** Of the run's input. */
  options: {
    maxConcurrency: number;
    partitionsPerUnit?: number;
    toleratedFailures: number;
    heartbeatTimeout: string;
    memory: string;
    retry: { maximumAttempts: number; initialInterval: number; maximumInterval: number };
  };
  /** How each continuation is started. */
  continuations: ('retry' | 'plain')[];
}

/** Keys that file systems, shells, URLs and SQL stumble over. */
const HOSTILE: (string | null)[] = [
  null,
  '',
  ' ',
  '/',
  '..',
  '.',
  '../../escaped',
  '%',
  '%-',
  '%_',
  '%2F',
  'caf\u00e9',
  'cafe\u0301',
  'x'.repeat(300),
  '1',
  '01',
  'Case',
  'case',
  "O'Brien",
  '"quoted"',
  'back\\slash',
  'new\nline',
  'tab\there',
  '2024-01-01',
  'null',
  '日本',
  '\u{1f4a5}',
  'שלום',
  'con',
  '-rf',
  '$(id)',
];

export const MOST_EXECUTIONS = 12;

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const shape = seed % 2 === 0 ? 'batch' : 'single';
  // Above 500 partitions, batches come by themselves; below, they are asked for.
  const many = shape === 'batch' && random.chance(0.5);
  const total = many ? random.int(501, 560) : random.int(150, 280);
  const keys = keysOf(random, total);
  const kinds = kindsOf(random, total);
  const partitions = keys.map((key, i) => ({
    key,
    rows: random.int(1, 20),
    behaviour: {
      kind: kinds[i]!,
      ms: random.chance(0.04) ? random.int(300, 900) : random.int(1, many ? 20 : 40),
      returns: random.chance(0.8) ? 1 : random.pick([0, 3]),
      bytes: random.chance(0.05) ? random.int(100_000, 2_000_000) : random.int(64, 4_000),
      prints: random.chance(0.1),
    },
  }));
  return {
    seed,
    shape,
    partitions,
    workers: random.int(1, 2),
    faults: faultsOf(random, total),
    options: {
      maxConcurrency: random.int(4, 8),
      ...(shape === 'batch' && !many && { partitionsPerUnit: random.int(5, 40) }),
      toleratedFailures: random.chance(0.5) ? 0 : Math.floor(total / 5),
      heartbeatTimeout: '3s',
      memory: '700MB',
      retry: { maximumAttempts: random.int(2, 3), initialInterval: 20, maximumInterval: 200 },
    },
    continuations: Array.from({ length: MOST_EXECUTIONS }, () => random.pick(['retry', 'plain'] as const)),
  };
}

function keysOf(random: Random, total: number): Key[] {
  const hostile = HOSTILE.map((text): Key => [text, random.int(0, 2)]);
  // The same text beside another number is another partition.
  const twins = random
    .shuffled(hostile)
    .slice(0, 6)
    .map(([text, n]): Key => [text, n + 3]);
  const plain = Array.from({ length: total - hostile.length - twins.length }, (_, i): Key => [
    `region ${i}`,
    i % 7,
  ]);
  return [...hostile, ...twins, ...plain];
}

function kindsOf(random: Random, total: number): Kind[] {
  const counts: Record<Exclude<Kind, 'good'>, number> = {
    throwsOnce: random.int(8, 20),
    throwsUntilMended: random.int(0, 8),
    killsOnce: random.int(1, 3),
    killsUntilMended: random.int(0, 1),
    fillsMemoryOnce: random.int(0, 1),
  };
  const bad = Object.entries(counts).flatMap(([kind, n]) => Array.from({ length: n }, () => kind as Kind));
  const all = [...bad, ...Array.from({ length: total - bad.length }, (): Kind => 'good')];
  return random.shuffled(all);
}

function faultsOf(random: Random, total: number): Fault[] {
  const always: FaultKind[] = ['worker', 'runner', random.pick(['terminate', 'cancel', 'commit'])];
  const often = random.shuffled(FAULTS).slice(0, random.int(3, 6));
  const faults = [...always, ...often].map((kind) => ({
    kind,
    // The commit is waited for; the others come while partitions run.
    after: kind === 'commit' ? Math.floor(total * 0.5) : random.int(1, Math.floor(total * 0.95)),
    pick: random.int(0, 1_000_000),
  }));
  return faults.sort((a, b) => a.after - b.after);
}
