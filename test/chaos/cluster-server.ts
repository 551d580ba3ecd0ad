/** The server of a seed with `--cluster`: a namespace of a cluster, whose nodes are killed in turn. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster, type Cluster } from '../support/cluster/cluster';
import type { ChaosServer } from './server';

const DAY_S = 86_400;

/** Of all seeds of this process, which it ends with. */
let cluster: Promise<Cluster> | null = null;

export async function startClusterServer(seed: number): Promise<ChaosServer> {
  const { address, nodes, balancer, ready, addNamespace } = await (cluster ??= startCluster());
  const namespace = `chaos-${seed}`;
  await addNamespace(namespace, DAY_S);
  let kills = 0;
  return {
    address,
    namespace,
    logs: nodes.map(({ log }) => log),
    /** One node, the other one, and both. */
    async kill() {
      const victims = [[nodes[0]!], [nodes[1]!], nodes][kills++ % 3]!;
      await Promise.all(victims.map((node) => node.kill()));
      for (const node of victims) node.start();
      await ready();
    },
    async freeze(ms) {
      const resume = balancer.stall();
      await sleep(ms);
      resume();
    },
    end: async () => {},
  };
}
