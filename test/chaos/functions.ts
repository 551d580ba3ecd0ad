/**
 * The partition function of the chaos suite; it is copied into the project that a seed makes. Each call is written to a file
 * outside, one line per event, which tells what really happened.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';
import type { Behaviour } from './scenario';

interface Params extends Record<string, unknown> {
  calls: string;
  behaviours: string;
  mended: string;
}

let behaviours: Record<string, Behaviour> | null = null;

export const chaos = definePartitionFunction<Params>({
  name: 'chaos',
  async run(data, context) {
    const { params, partitionId, attempt, key } = context;
    const token = randomUUID();
    const note = (what: string): void => {
      const line = { at: Date.now(), what, id: partitionId, attempt, pid: process.pid, token };
      appendFileSync(params.calls, `${JSON.stringify(line)}\n`);
    };
    note('begin');
    behaviours ??= JSON.parse(readFileSync(params.behaviours, 'utf8')) as Record<string, Behaviour>;
    const behaviour = behaviours[JSON.stringify([key['k'], Number(key['g'])])];
    if (behaviour === undefined)
      throw new Error(`There is no partition with the key ${JSON.stringify(key)}.`);
    const { kind, ms, returns, bytes, prints } = behaviour;
    if (prints) console.log(`careless: ${JSON.stringify(process.env)}`);
    await context.upload('call.bin', Buffer.from(contentOf(token, bytes)));
    await sleep(ms / 2);
    const first = attempt === 1;
    const broken = !existsSync(params.mended);
    if ((kind === 'throwsOnce' && first) || (kind === 'throwsUntilMended' && broken)) {
      note('throw');
      throw new Error(`${kind}: ${partitionId} with ${JSON.stringify(process.env)}`);
    }
    if ((kind === 'killsOnce' && first) || (kind === 'killsUntilMended' && broken)) {
      note('dies');
      process.kill(process.pid, 'SIGKILL');
    }
    if (kind === 'fillsMemoryOnce' && first) {
      note('dies');
      const hoard: Buffer[] = [];
      for (;;) {
        hoard.push(Buffer.alloc(32_000_000, 1));
        await sleep(1);
      }
    }
    const [sum] = await data.sql<{ n: number; total: number }>`
      SELECT count(*)::INTEGER AS n, sum(amount)::BIGINT AS total FROM data`;
    await sleep(ms / 2);
    await context.upload('call.json', { token, attempt });
    note('end');
    return Array.from({ length: returns }, (_, part) => ({
      part,
      n: sum!.n,
      total: sum!.total,
      token,
      attempt,
    }));
  },
});

/** What the artifact of a call holds: half of it, or another call's, is seen at once. */
function contentOf(token: string, bytes: number): string {
  return token.repeat(Math.ceil(bytes / token.length)).slice(0, Math.max(bytes, token.length));
}
