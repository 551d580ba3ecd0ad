/** Functions that the runner tests bundle; most of them misbehave in one partition. */
import { execSync, spawn } from 'node:child_process';
import { definePartitionFunction } from 'partwise';

interface Sale {
  amount: number;
}

export const wellBehaved = definePartitionFunction({
  name: 'wellBehaved',
  async run(data, context) {
    const rows = await data.rows<Sale>();
    const [counted] = await data.sql<{ n: number }>`SELECT count(*) AS n FROM data WHERE amount >= ${0}`;
    console.log(`partition ${context.partitionId}`);
    await context.upload('sum.json', { sum: rows.reduce((sum, { amount }) => sum + amount, 0) });
    return { counted: counted!.n, read: rows.length, first: rows[0]?.amount };
  },
});

export const large = definePartitionFunction({
  name: 'large',
  async run(_, context) {
    await context.upload('large.bin', Buffer.alloc(100_000));
    await context.upload('small.txt', 'small');
  },
});

export const manyFiles = definePartitionFunction({
  name: 'manyFiles',
  async run(_, context) {
    for (let i = 0; i < 1_000; i++) await context.upload(`${i}.txt`, `number ${i}`);
  },
});

export const hostile = definePartitionFunction({
  name: 'hostile',
  async run(data, context) {
    const { does } = context.params as { does: Record<string, string> };
    await context.upload('early.txt', 'uploaded before the trouble');
    switch (does[context.partitionId]) {
      case 'grow a Map': {
        const map = new Map<number, object>();
        for (let i = 0; ; i++) map.set(i, { i, text: `number ${i}` });
      }
      // eslint-disable-next-line no-fallthrough
      case 'hoard Buffers': {
        const hoard: Buffer[] = [];
        for (;;) {
          hoard.push(Buffer.alloc(4_000_000, 1));
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      // eslint-disable-next-line no-fallthrough
      case 'fill DuckDB':
        await data.sql`SELECT list(i::VARCHAR || repeat('x', 100)) AS l FROM range(200000000) r(i)`;
        break;
      case 'crash':
        process.kill(process.pid, 'SIGSEGV');
        await new Promise(() => undefined);
        break;
      case 'exit':
        process.exit(0);
      // eslint-disable-next-line no-fallthrough
      case 'never exit':
        process.on('exit', () => {
          for (;;);
        });
        process.exit(0);
      // eslint-disable-next-line no-fallthrough
      case 'block':
        execSync('sleep 61');
        break;
      case 'loop':
        console.log('about to loop');
        for (;;);
      case 'query for ever':
        await data.sql`SELECT count(*) AS n FROM range(10000000) a, range(10000000) b WHERE (a.range + b.range) % 7 = 1`;
        break;
      case 'throw':
        throw new Error('thrown on purpose');
      case 'throw from a timer':
        setTimeout(() => {
          throw new Error('nobody catches this');
        }, 10);
        await new Promise(() => undefined);
        break;
      case 'leave a rejection behind':
        setTimeout(() => void Promise.reject(new Error('too late')), 30);
        break;
      case 'wait for the signal':
        context.signal.throwIfAborted();
        await new Promise((_, reject) =>
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error)),
        );
        break;
      case 'dawdle':
        await new Promise((resolve) => setTimeout(resolve, 150));
        break;
      case 'make a table':
        await data.sql`CREATE TABLE leftover AS SELECT 1 AS x`;
        break;
      case 'look around':
        return { variables: Object.keys(process.env).sort() };
      case 'leave a process behind':
        console.log(`left ${spawn('sleep', ['64'], { stdio: 'ignore' }).pid}`);
        await context.upload('left.txt', 'it runs');
        process.exit(0);
      // eslint-disable-next-line no-fallthrough
      case 'spawn':
        console.log('spawning');
        execSync('sleep 62');
        break;
    }
    return { rows: data.rowCount };
  },
});
