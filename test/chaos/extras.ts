/**
 * What a seed draws in addition: other sources, commands that race, the console, encryption, more faults.
 * From random numbers of their own, so that what `scenario.ts` draws for a seed stays as it is.
 */
import { Random } from './random';
import { EXTRA_FAULTS, STORE_FAULTS, type Fault, type Scenario } from './scenario';

export function withExtras(scenario: Scenario): Scenario {
  const random = new Random(scenario.seed + 2_000_000);
  const total = scenario.partitions.length;
  const isMachine = scenario.family === 'machine';
  const source = isMachine ? 'table' : random.pick(['table', 'table', 'file', 'files'] as const);
  const more = EXTRA_FAULTS.filter(() => random.chance(isMachine ? 0.1 : 0.25)).map((kind): Fault => ({
    kind,
    after: random.int(1, Math.floor(total * 0.9)),
    pick: random.int(0, 1_000_000),
    by: 'library',
  }));
  const faults = [...scenario.faults, ...more].map((fault) => ({
    ...fault,
    by: random.pick(['library', 'console'] as const),
  }));
  return {
    ...scenario,
    source,
    partitions: scenario.partitions.map((partition, i) => ({
      ...partition,
      file: `d${i % 3}/${i} 'é%.csv`,
    })),
    start: !isMachine && random.chance(0.25) ? 'race' : 'plain',
    encrypted: random.chance(0.2),
    faults: faults.sort((a, b) => a.after - b.after),
    continuations: scenario.continuations.map((how) =>
      random.chance(0.4) ? random.pick(['race', 'console'] as const) : how,
    ),
    cleans: scenario.continuations.map(() => random.chance(0.3)),
  };
}

/** What a seed draws whose stage is on S3: when its server is killed. */
export function withStoreFaults(scenario: Scenario): Scenario {
  const random = new Random(scenario.seed + 3_000_000);
  const more = Array.from({ length: random.int(1, 2) }, (): Fault => ({
    kind: random.pick(STORE_FAULTS),
    after: random.int(1, Math.floor(scenario.partitions.length * 0.9)),
    pick: random.int(0, 1_000_000),
    by: 'library',
  }));
  return { ...scenario, faults: [...scenario.faults, ...more].sort((a, b) => a.after - b.after) };
}
