/**
 * Derives everything from a seed: the table, the behaviour of each partition, and which faults come when.
 * Pure.
 */
import { Random } from './random';

/** The function's behaviour for a partition. `UntilFixed`: in every call, until the run has been fixed. */
export type Kind =
  'good' | 'throwsOnce' | 'throwsUntilFixed' | 'killsOnce' | 'killsUntilFixed' | 'fillsMemoryOnce';

export interface Behaviour {
  kind: Kind;
  /** Work per call, in milliseconds. */
  ms: number;
  /** Number of returned rows. */
  returns: number;
  /** Size of its artifact in bytes. */
  bytes: number;
  /** Prints its environment, as careless code does. */
  prints: boolean;
}

export type Key = [string | null, number];

export interface PartitionSpec {
  key: Key;
  /** Its file, where each file is a partition: relative to the folder. */
  file: string;
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
/** Drawn by `extras.ts`. */
export const EXTRA_FAULTS = ['freeze', 'clean', 'rival', 'replace'] as const;
/** Faults of the server of the stage, in seeds with `--s3`. */
export const STORE_FAULTS = ['store'] as const;
/** Faults of the machine, in seeds with `--machine`. */
export const MACHINE_FAULTS = [
  'full',
  'readOnly',
  'away',
  'power',
  'flip',
  'stop',
  'clock',
  'fullProject',
] as const;
export type MachineFault = (typeof MACHINE_FAULTS)[number];
export type FaultKind =
  (typeof FAULTS)[number] | (typeof EXTRA_FAULTS)[number] | (typeof STORE_FAULTS)[number] | MachineFault;

/** Unexpected behaviour of functions, in every call of the run. Each is on or off. */
export interface Oddities {
  /** Functions return the same buffer, object and date again, changed. */
  reuse: boolean;
  /** Functions write to the channel of their parent process. */
  ipc: boolean;
  /** Functions print megabytes without a newline. */
  longLines: boolean;
  /** Functions throw errors that cannot be described. */
  undescribable: boolean;
  /** Columns are named like properties of every object. */
  names: boolean;
}

export interface Fault {
  kind: FaultKind;
  /** The fault comes after this many finished calls, in all executions together. */
  after: number;
  /** Selects one of several (runners, workers, partitions, widths). */
  pick: number;
  /** Who acts on the run, if the fault is an action. */
  by: 'library' | 'console';
}

export interface Scenario {
  seed: number;
  /** `machine`: seeds with machine faults and odd functions. */
  family: 'processes' | 'machine';
  oddities: Oddities;
  /** One unit per partition, or batches. */
  shape: 'single' | 'batch';
  /** A table, one Parquet file, or a folder in which each CSV file is a partition. */
  source: 'table' | 'file' | 'files';
  /** Payloads and stage are encrypted. */
  encrypted: boolean;
  partitions: PartitionSpec[];
  workers: number;
  faults: Fault[];
  /** Part of the run's input. */
  options: {
    maxConcurrency: number;
    partitionsPerUnit?: number;
    toleratedFailures: number;
    heartbeatTimeout: string;
    memory: string;
    retry: { maximumAttempts: number; initialInterval: number; maximumInterval: number };
  };
  /** How the first execution is started. `race`: by two commands at once. */
  start: 'plain' | 'race';
  /** How each continuation is started. */
  continuations: ('retry' | 'plain' | 'race' | 'console')[];
  /** Before which continuations leftovers are removed from the stage. */
  cleans: boolean[];
}

/** Keys that cause trouble in file systems, shells, URLs and SQL. */
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

export const MAX_EXECUTIONS = 12;

const NO_ODDITIES: Oddities = {
  reuse: false,
  ipc: false,
  longLines: false,
  undescribable: false,
  names: false,
};

/** Every seed has machine faults among few partitions, and some oddities. */
export function machineScenarioOf(seed: number): Scenario {
  const scenario = scenarioOf(seed);
  // Chosen separately, so that the seeds of the other family do not change.
  const random = new Random(seed + 1_000_000);
  const total = random.int(70, 110);
  const partitions = scenario.partitions.slice(0, total).map((partition) => ({
    ...partition,
    behaviour: {
      ...partition.behaviour,
      // It takes as long as on a swapping machine, and belongs to the other family.
      kind: partition.behaviour.kind === 'fillsMemoryOnce' ? 'good' : partition.behaviour.kind,
      ms: random.int(30, 150),
    },
  }));
  // Each fault comes first in one of eight neighbouring seeds.
  const first = MACHINE_FAULTS[seed % MACHINE_FAULTS.length]!;
  const others = random.shuffled(MACHINE_FAULTS.filter((kind) => kind !== first)).slice(0, random.int(0, 2));
  const also = random.shuffled(['worker', 'terminate', 'runner'] as const).slice(0, random.int(0, 1));
  const faults = [first, ...others, ...also].map((kind) => ({
    kind,
    after: random.int(5, Math.floor(total * 0.8)),
    pick: random.int(0, 1_000_000),
    by: 'library' as const,
  }));
  return {
    ...scenario,
    family: 'machine',
    partitions,
    faults: faults.sort((a, b) => a.after - b.after),
    oddities: {
      reuse: random.chance(0.5),
      ipc: random.chance(0.3),
      longLines: random.chance(0.2),
      undescribable: random.chance(0.5),
      names: random.chance(0.5),
    },
    options: {
      ...scenario.options,
      maxConcurrency: 4,
      ...(scenario.shape === 'batch' && { partitionsPerUnit: random.int(5, 20) }),
    },
  };
}

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const shape = seed % 2 === 0 ? 'batch' : 'single';
  // Above 500 partitions, batches are automatic; below, they are requested.
  const many = shape === 'batch' && random.chance(0.5);
  const total = many ? random.int(501, 560) : random.int(150, 280);
  const keys = keysOf(random, total);
  const kinds = kindsOf(random, total);
  const partitions = keys.map((key, i) => ({
    key,
    file: '',
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
    family: 'processes',
    oddities: NO_ODDITIES,
    shape,
    source: 'table',
    encrypted: false,
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
    start: 'plain',
    continuations: Array.from({ length: MAX_EXECUTIONS }, () => random.pick(['retry', 'plain'] as const)),
    cleans: [],
  };
}

function keysOf(random: Random, total: number): Key[] {
  const hostile = HOSTILE.map((text): Key => [text, random.int(0, 2)]);
  // The same string next to another number is a different partition.
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
    throwsUntilFixed: random.int(0, 8),
    killsOnce: random.int(1, 3),
    killsUntilFixed: random.int(0, 1),
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
    // The commit fault waits for the commit; the others come while partitions run.
    after: kind === 'commit' ? Math.floor(total * 0.5) : random.int(1, Math.floor(total * 0.95)),
    pick: random.int(0, 1_000_000),
    by: 'library' as const,
  }));
  return faults.sort((a, b) => a.after - b.after);
}
