/** The Snowflake emulator as a separate process, and what a test can do to it. */
import { startPythonServer } from './python-server';
import { until } from './until';

export interface Emulator {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Every statement since its start. */
  history(): Promise<EmulatedStatement[]>;
  /** The first statement for which `isIt` is true, once there is one. */
  until(isIt: (statement: EmulatedStatement) => boolean): Promise<EmulatedStatement>;
  /** Refuses the next statements that match. */
  refuse(refusal: {
    matching: string;
    code: number;
    state: string;
    message: string;
    times?: number;
  }): Promise<void>;
  /** Ends every session as the service would after hours: see `snowflake_emulator/api.py`. */
  expire(how: 'session' | 'master' | 'gone' | 'vanished'): Promise<void>;
  /** Makes the retention time of every table appear to have passed. */
  forget(): Promise<void>;
  sessions(): Promise<number>;
  end(): Promise<void>;
}

export interface EmulatedStatement {
  queryId: string;
  sql: string;
  tag: string;
  timeout: number | null;
  session: number;
  warehouse: string | null;
  status: 'RUNNING' | 'SUCCESS' | 'FAILED';
}

export async function startEmulator(env: NodeJS.ProcessEnv = {}): Promise<Emulator> {
  const server = await startPythonServer('snowflake_emulator', env);
  const { url } = server;
  const ask = async (what: string, body?: object): Promise<unknown> => {
    const answer = await fetch(
      `${url}/test/${what}`,
      body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
    );
    return answer.json();
  };
  const history = () => ask('history') as Promise<EmulatedStatement[]>;
  return {
    url,
    history,
    until: (isIt) => until(async () => (await history()).find(isIt)),
    refuse: (refusal) => ask('refuse', refusal).then(() => undefined),
    expire: (how) => ask('expire', { how }).then(() => undefined),
    forget: () => ask('forget', {}).then(() => undefined),
    sessions: () => ask('sessions') as Promise<number>,
    end: () => server.end(),
  };
}
