/** A seed's own Temporal server, which can be killed and stopped. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { findTemporalBinary } from '../../src/temporal/binary/find-binary';
import { startServer } from '../../src/temporal/host/server';
import { stateFolder } from '../../src/temporal/state-folder';
import { patiently } from './patiently';

const NAMESPACE = 'default';
const MAX_STARTS = 5;

/** What a seed runs on. */
export interface ChaosServer {
  readonly address: string;
  readonly namespace: string;
  /** Files. */
  readonly logs: readonly string[];
  /** It comes back. */
  kill(): Promise<void>;
  /** For this time, nothing answers, and no connection breaks. */
  freeze(ms: number): Promise<void>;
  end(): Promise<unknown>;
}

type Process = Awaited<ReturnType<typeof startServer>>;

export class SeedServer implements ChaosServer {
  readonly namespace = NAMESPACE;

  private constructor(
    private readonly folder: string,
    private process: Process,
  ) {}

  /** In this folder, which has its database. */
  static async start(folder: string): Promise<SeedServer> {
    const binary = await findTemporalBinary({ projectDir: folder, env: process.env });
    for (let tries = 1; ; tries++) {
      const started = await startServer(optionsOf(folder, binary), null);
      try {
        await started.ready;
        return new SeedServer(folder, started);
      } catch (error) {
        // The server chooses some of its ports itself, as the servers of other seeds do.
        if (tries === MAX_STARTS || !String(error).includes('address already in use')) throw error;
      }
    }
  }

  get address(): string {
    return this.process.address;
  }

  get logs(): string[] {
    return [stateFolder(this.folder).serverLog];
  }

  async kill(): Promise<void> {
    process.kill(this.process.pid!, 'SIGKILL');
    await this.process.ended;
    await this.#restart();
  }

  /** By SIGSTOP. */
  async freeze(ms: number): Promise<void> {
    const { pid, ended, address } = this.process;
    process.kill(pid!, 'SIGSTOP');
    await sleep(ms);
    process.kill(pid!, 'SIGCONT');
    const answer = patiently('the server', () => Connection.connect({ address }));
    const goesOn = await Promise.race([answer.then(() => true), ended.then(() => false)]);
    // A server that was killed before, and was still starting, gives up.
    if (!goesOn) await this.#restart();
    await (await answer).close();
  }

  end(): Promise<unknown> {
    return this.process.end();
  }

  /** At the same address. */
  async #restart(): Promise<void> {
    const { address, binary } = this.process;
    this.process = await startServer(optionsOf(this.folder, binary), Number(address.split(':')[1]));
    await this.process.ready;
    if (this.process.address !== address)
      throw new Error(`The server came back as ${this.process.address}, not as ${address}.`);
  }
}

function optionsOf(folder: string, binary: Process['binary']) {
  return { folder: stateFolder(folder), binary, namespace: NAMESPACE };
}
