/**
 * Snowflake for a test file: the emulator, or the account whose connection SNOWFLAKE_TEST_CONNECTION names,
 * in the file's own schema in both cases.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { closeSessions, poolOf, type Result } from '../../src/snowflake/index';
import { startEmulator, type Emulator } from './emulator';
import { hasPython } from './python-server';

const ACCOUNT = process.env.SNOWFLAKE_TEST_CONNECTION;
const EMULATED = { name: 'test', database: 'DB', schema: 'PUBLIC' };

export interface TestSnowflake {
  /** Name of the connection: `snowflake:NAME`. */
  readonly connection: string;
  /** `DATABASE.SCHEMA` of the connection. */
  readonly schema: string;
  /** Null on a real account. */
  readonly emulator: Emulator | null;
  execute(...statements: string[]): Promise<void>;
  /** A file of statements, each ending in a semicolon at the end of a line. */
  executeFile(file: string): Promise<void>;
  query(sql: string): Promise<Result>;
  close(): Promise<void>;
}

/** Tests that need Snowflake; without it, one test that reports this. */
export function describeSnowflake(title: string, tests: () => void): void {
  if (ACCOUNT !== undefined || hasPython) describe(title, tests);
  else
    describe(title, () =>
      it.skip('NOT TESTED: the emulator needs Python, see scripts/python-env.mjs', () => {}),
    );
}

/** Tests that inspect the emulator, or make it fail. */
export const describeEmulator = (title: string, tests: () => void): void =>
  ACCOUNT === undefined
    ? describeSnowflake(title, tests)
    : describe(title, () => it.skip('NOT TESTED on an account', () => {}));

/**
 * `through`: returns the URL that the driver uses, such as a proxy's. `as`: the connection on the emulator.
 */
export async function startSnowflake(
  options: {
    env?: NodeJS.ProcessEnv;
    through?: (emulatorUrl: string) => Promise<string> | string;
    as?: typeof EMULATED;
  } = {},
): Promise<TestSnowflake> {
  return ACCOUNT === undefined ? onEmulator(options) : onAccount(ACCOUNT);
}

async function onEmulator({
  env,
  through = (url) => url,
  as: { name, database, schema } = EMULATED,
}: Parameters<typeof startSnowflake>[0] & object): Promise<TestSnowflake> {
  const emulator = await startEmulator(env);
  const home = await mkdtemp(join(tmpdir(), 'partwise-snowflake-'));
  await writeConnections(home, {
    [name]: {
      account: 'emulated',
      user: 'tester',
      password: 'not a secret',
      access_url: await through(emulator.url),
      database,
      schema,
      warehouse: 'WH',
      role: 'TESTER',
    },
  });
  process.env.SNOWFLAKE_HOME = home;
  return {
    ...statements(name),
    connection: name,
    schema: `${database}.${schema}`,
    emulator,
    async close() {
      await closeSessions();
      await emulator.end();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function onAccount(connection: string): Promise<TestSnowflake> {
  const schema = `PARTWISE_TEST_${randomUUID().slice(0, 8).toUpperCase()}`;
  const own = statements(connection);
  await own.execute(`CREATE SCHEMA ${schema}`);
  const { rows } = await own.query('SELECT CURRENT_DATABASE()');
  await closeSessions();
  process.env[`SNOWFLAKE_CONNECTIONS_${connection.toUpperCase()}_SCHEMA`] = schema;
  return {
    ...own,
    connection,
    schema: `${rows[0]![0]}.${schema}`,
    emulator: null,
    async close() {
      await own.execute(`DROP SCHEMA ${schema}`);
      await closeSessions();
    },
  };
}

function statements(connection: string): Pick<TestSnowflake, 'execute' | 'executeFile' | 'query'> {
  const execute = async (...all: string[]): Promise<void> => {
    for (const statement of all) await poolOf(connection).run(statement);
  };
  return {
    execute,
    async executeFile(file) {
      const parts = (await readFile(file, 'utf8')).split(/;\s*$/m);
      await execute(...parts.filter((part) => part.trim() !== ''));
    },
    query: (sql) => poolOf(connection).run(sql),
  };
}

/** Writes `connections.toml`, readable only by its owner. */
export async function writeConnections(
  home: string,
  sections: Record<string, Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(sections).flatMap(([name, settings]) => [
    `[${name}]`,
    ...Object.entries(settings).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
  ]);
  await writeFile(join(home, 'connections.toml'), `${lines.join('\n')}\n`, { mode: 0o600 });
}
