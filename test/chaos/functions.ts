/**
 * The partition function of the chaos suite, copied into the project of each seed. Each call is written to an
 * external file, one line per event, as a record of what really happened.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { definePartitionFunction } from 'partwise';
import type { Behaviour, Oddities } from './scenario';

interface Params extends Record<string, unknown> {
  calls: string;
  behaviours: string;
  fixed: string;
  hold: string;
  value: string;
  /**
   * Unix time in milliseconds at which the monotonic clock was 0, so that a shifted wall clock does not
   * affect the record.
   */
  bootedAt: number;
  oddities: Oddities;
}

/** Created once and returned by every call. */
const reused = { bytes: Buffer.alloc(8), object: { owner: '' }, date: new Date(0) };

/** Throws when anything describes it. */
function undescribable(): Error {
  const refuse = (): never => {
    throw new TypeError('it cannot be described');
  };
  return Object.defineProperties(new Error(), {
    // First: replacing it makes V8 build the stack from name and message.
    stack: { get: refuse },
    message: { get: refuse },
    name: { get: refuse },
  });
}

/** Columns named like properties of every object; the number of each row determines what they must hold. */
function assertOwnValues(rows: Record<string, unknown>[]): void {
  for (const row of rows) {
    const n = Number(row['n']);
    for (const name of ['constructor', 'toString', '__proto__']) {
      const value = Object.getOwnPropertyDescriptor(row, name)?.value as unknown;
      if (Number(value) !== n) throw new Error(`The column ${name} holds ${typeof value} instead of ${n}.`);
    }
  }
}

let behaviours: Record<string, Behaviour> | null = null;

export const chaos = definePartitionFunction<Params>({
  name: 'chaos',
  // `partwise run` has no flags for these.
  retry: { initialInterval: 20, maximumInterval: 200 },
  async run(data, context) {
    const { params, partitionId, attempt } = context;
    const token = randomUUID();
    const note = (what: string): void => {
      const at = Math.round(params.bootedAt + Number(process.hrtime.bigint()) / 1e6);
      const line = { at, what, id: partitionId, attempt, pid: process.pid, token };
      appendFileSync(params.calls, `${JSON.stringify(line)}\n`);
    };
    note('begin');
    while (existsSync(params.hold)) await sleep(20);
    behaviours ??= JSON.parse(readFileSync(params.behaviours, 'utf8')) as Record<string, Behaviour>;
    const behaviour = behaviours[partitionId];
    if (behaviour === undefined) throw new Error(`There is no partition ${partitionId}.`);
    const { kind, ms, returns, bytes, prints } = behaviour;
    if (prints) console.log(`careless: ${JSON.stringify(process.env)}`);
    await context.upload('call.bin', Buffer.from(contentOf(token, bytes)));
    await sleep(ms / 2);
    const { reuse, ipc, longLines, undescribable: odd, names } = params.oddities;
    if (names) assertOwnValues(await data.rows());
    if (longLines) process.stdout.write('z'.repeat(1_000_000));
    if (ipc)
      for (const message of [null, 'ready', { type: 'log' }, { type: 'segment' }]) process.send?.(message);
    const first = attempt === 1;
    const broken = !existsSync(params.fixed);
    if ((kind === 'throwsOnce' && first) || (kind === 'throwsUntilFixed' && broken)) {
      note('throw');
      if (odd) throw undescribable();
      throw new Error(`${kind}: ${partitionId} with ${JSON.stringify(process.env)}`);
    }
    if ((kind === 'killsOnce' && first) || (kind === 'killsUntilFixed' && broken)) {
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
    await context.upload('call.json', { token, attempt, value: params.value });
    note('end');
    return Array.from({ length: returns }, (_, part) => ({
      part,
      n: sum!.n,
      total: sum!.total,
      token,
      attempt,
      value: params.value,
      ...(reuse && again(partitionId)),
    }));
  },
});

/** The content of a call's artifact: a half of it, or that of another call, is recognisable. */
function contentOf(token: string, bytes: number): string {
  return token.repeat(Math.ceil(bytes / token.length)).slice(0, Math.max(bytes, token.length));
}

/** The partition's own values, in the reused objects. */
function again(partitionId: string): Record<string, unknown> {
  const number = numberOf(partitionId);
  reused.bytes.writeBigInt64LE(BigInt(number));
  reused.object.owner = partitionId;
  reused.date.setTime(number * 1000);
  return { own_bytes: reused.bytes, own_object: reused.object, own_date: reused.date };
}

/** A number that is unlikely for any other partition. */
function numberOf(partitionId: string): number {
  return createHash('sha256').update(partitionId).digest().readUInt32LE();
}
