import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { closeSessions, poolOf, withQueryTag } from '../src/snowflake/index';
import { connectionOptions, defaultConnection, unusedSettings } from '../src/snowflake/connection-options';
import { unknown } from '../src/snowflake/known-settings';
import { parseName, nameInSnapshot, tableName } from '../src/snowflake/names';
import { startEmulator, type Emulator } from './support/emulator';
import { startFaultProxy, type FaultProxy } from './support/fault-proxy';
import { REPOSITORY } from './support/project';
import {
  describeEmulator,
  describeSnowflake,
  startSnowflake,
  writeConnections,
  type TestSnowflake,
} from './support/snowflake';

describe('a connection', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'partwise-connections-'));
  });
  const problemOf = (name: string, env: Record<string, string> = {}): string => {
    try {
      connectionOptions(name, { SNOWFLAKE_HOME: home, ...env });
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('It was not refused.');
  };

  it("is a section of connections.toml, with Snowflake's own names for its settings", async () => {
    await writeConnections(home, {
      prod: {
        account: 'acme-prod',
        user: 'etl',
        private_key_file: '/keys/etl.p8',
        private_key_passphrase: 'p',
      },
      dev: { account: 'acme-dev', user: 'me', authenticator: 'externalbrowser' },
    });
    expect(connectionOptions('prod', { SNOWFLAKE_HOME: home })).toEqual({
      account: 'acme-prod',
      username: 'etl',
      privateKeyPath: '/keys/etl.p8',
      privateKeyPass: 'p',
      authenticator: 'SNOWFLAKE_JWT',
    });
    expect(connectionOptions('dev', { SNOWFLAKE_HOME: home })).toMatchObject({
      authenticator: 'externalbrowser',
    });
  });

  it('that is not in the file is refused, whatever its name (I9)', async () => {
    await writeConnections(home, { prod: { account: 'acme-prod' } });
    for (const name of ['constructor', 'toString', 'prdo'])
      expect(problemOf(name)).toContain(`There is no Snowflake connection "${name}"`);
  });

  it('with a misspelled setting is refused, while settings of other tools are allowed (I9)', async () => {
    await writeConnections(home, {
      prod: { account: 'acme', user: 'etl', passwrd: 'secret', roel: 'READER' },
      shared: {
        account: 'acme',
        user: 'etl',
        password: 'x',
        login_timeout: '5',
        disable_saml_url_check: 'true',
        x_team: 'bi',
      },
    });
    const problem = problemOf('prod', { SNOWFLAKE_PASSWORD: 'another' });
    expect(problem).toContain('The connection "prod" in "');
    expect(problem).toContain('"passwrd" is not a setting of a connection. Did you mean "password"?');
    expect(problem).toContain('"roel" is not a setting of a connection. Did you mean "role"?');
    expect(problem).not.toContain('secret');
    expect(connectionOptions('shared', { SNOWFLAKE_HOME: home })).toMatchObject({ password: 'x' });
    expect(unusedSettings('shared', { SNOWFLAKE_HOME: home })).toEqual(['x_team']);
  });

  it('supports every setting that the driver reads', () => {
    const file = require.resolve('snowflake-sdk/dist/lib/connection/connection_config.js');
    const read = [...readFileSync(file, 'utf8').matchAll(/\boptions\.([a-zA-Z]+)/g)].map(([, name]) => name!);
    // Functions, and settings that cannot be written in a file.
    const others =
      /^(browserResponseRenderer|openExternalBrowserCallback|(master|session)TokenExpirationTime)$/;
    expect(unknown([...new Set(read)].filter((name) => !others.test(name)))).toEqual([]);
  });

  it('takes from the environment its overrides, and what it does not set itself', async () => {
    await writeConnections(home, { prod: { account: 'acme-prod', user: 'etl', role: 'READER' } });
    const options = connectionOptions('prod', {
      SNOWFLAKE_HOME: home,
      SNOWFLAKE_CONNECTIONS_PROD_ROLE: 'WRITER',
      SNOWFLAKE_CONNECTIONS_OTHER_ROLE: 'OTHER',
      SNOWFLAKE_ACCOUNT: 'another',
      SNOWFLAKE_PASSWORD: 'secret',
    });
    expect(options).toEqual({ account: 'acme-prod', username: 'etl', role: 'WRITER', password: 'secret' });
  });

  it('may be defined only in the environment, and still has a name', () => {
    const env = {
      SNOWFLAKE_HOME: home,
      SNOWFLAKE_ACCOUNT: 'acme',
      SNOWFLAKE_USER: 'etl',
      SNOWFLAKE_TOKEN: 't',
    };
    expect(connectionOptions('default', env)).toEqual({ account: 'acme', username: 'etl', token: 't' });
    expect(defaultConnection({ SNOWFLAKE_DEFAULT_CONNECTION_NAME: 'prod' })).toBe('prod');
    expect(defaultConnection({})).toBe('default');
  });

  it('that does not exist is refused, with the names that do (I9)', async () => {
    expect(problemOf('prod')).toMatch(
      /no Snowflake connection "prod" in ".*connections.toml": the file does not exist/,
    );
    await writeConnections(home, { production: { account: 'a' } });
    expect(problemOf('producton')).toMatch(
      'it has production. Did you mean "production"? Add a section [producton]',
    );
  });

  it('in a file that others can write, or that is not TOML, is refused without quoting the file (I9, I11)', async () => {
    const file = join(home, 'connections.toml');
    await writeFile(file, '[prod]\naccount = "a"\npassword = hunter2\n', { mode: 0o600 });
    expect(problemOf('prod')).toMatch('cannot be read: line 3 is not valid TOML');
    expect(problemOf('prod')).not.toMatch('hunter2');
    await chmod(file, 0o620);
    expect(problemOf('prod')).toMatch(
      `users other than its owner can write to it: run \`chmod 600 ${file}\``,
    );
  });
});

describe('names', () => {
  it('are parsed as Snowflake parses them', () => {
    expect(parseName('sales')).toEqual(['SALES']);
    expect(parseName('db.Public."My ""Table"""')).toEqual(['DB', 'PUBLIC', 'My "Table"']);
    expect(tableName('db.s."sales"')).toBe('"DB"."S"."sales"');
    for (const name of ['', 'a b', '1a', 'a..b', 'a.', '"a', 'a;DROP TABLE b'])
      expect(parseName(name)).toBeNull();
    expect(() => tableName('a.b.c.d')).toThrow('is not a valid table name on Snowflake');
  });

  it('that are upper case in Snowflake are lower case in functions, and others unchanged', () => {
    expect(['REGION', 'ORDER_ID2', 'Mixed', 'lower', 'WITH SPACE'].map(nameInSnapshot)).toEqual([
      'region',
      'order_id2',
      'Mixed',
      'lower',
      'WITH SPACE',
    ]);
  });
});

describeSnowflake('a session', () => {
  let snowflake: TestSnowflake;
  beforeAll(async () => {
    snowflake = await startSnowflake();
  });
  afterAll(() => snowflake.close());

  it('returns values as strings with every digit, and NULL as null', async () => {
    const { columns, rows } = await snowflake.query(
      `SELECT 12345678901234567890123456789012345678::NUMBER(38,0) AS n, 'NULL' AS t, NULL::VARCHAR AS nothing, 1.50::NUMBER(10,2) AS d,
        PARSE_JSON('{"a": 1}') AS v, TRUE AS b, 1 AS same, 2 AS same`,
    );
    expect(columns.map(({ name }) => name)).toEqual(['N', 'T', 'NOTHING', 'D', 'V', 'B', 'SAME', 'SAME']);
    expect(rows).toEqual([
      ['12345678901234567890123456789012345678', 'NULL', null, '1.50', '{"a":1}', 'TRUE', '1', '2'],
    ]);
  });

  it('keeps the code, the SQL state and the query id of an error', async () => {
    const error = await poolOf(snowflake.connection)
      .run('SELECT * FROM nowhere')
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: '002003', remedy: 'none', nonRetryable: true });
    expect((error as Error).message).toMatch(/NOWHERE.* \(002003, SQL state \w{5}, query [0-9a-f-]{36}\)$/s);
  });

  it('binds values, and cancels a statement with its signal', async () => {
    const pool = poolOf(snowflake.connection);
    expect((await pool.run('SELECT ? AS a, ? AS b', { binds: ["it's", null] })).rows).toEqual([
      ["it's", null],
    ]);
    const controller = new AbortController();
    const running = pool.run('CALL SYSTEM$WAIT(60)', { signal: controller.signal });
    controller.abort(new Error('the partition was cancelled'));
    await expect(running).rejects.toThrow('the partition was cancelled');
    expect((await pool.run('SELECT 1')).rows).toEqual([['1']]);
  });
});

describeEmulator('a pool of sessions', () => {
  let snowflake: TestSnowflake;
  let emulator: Emulator;
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startFaultProxy();
    snowflake = await startSnowflake({
      // Longer statements are first answered with "in progress".
      env: { EMULATOR_ANSWER_S: '0.3' },
      through: proxy.through,
    });
    emulator = snowflake.emulator!;
  });
  afterAll(async () => {
    await snowflake.close();
    await proxy.close();
  });
  const run = (sql = 'SELECT 1') => poolOf(snowflake.connection).run(sql);

  it('never has more than eight, whatever the demand, and closes them', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => run(`SELECT ${i}`)));
    expect(answers.map(({ rows }) => Number(rows[0]![0]))).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(await emulator.sessions()).toBeLessThanOrEqual(8);
    await closeSessions();
    expect(await emulator.sessions()).toBe(0);
  });

  it('waits for a statement that takes longer than one response', async () => {
    const { rows } = await run('CALL SYSTEM$WAIT(1)');
    expect(rows).toEqual([['waited 1 seconds']]);
  });

  it.each(['session', 'master', 'gone', 'vanished'] as const)(
    'survives expired sessions (%s)',
    async (how) => {
      await Promise.all([run(), run('SELECT 2')]);
      await emulator.expire(how);
      expect((await run('SELECT 3')).rows).toEqual([['3']]);
      // A lost session is not handed out again.
      expect((await Promise.all([run('SELECT 4'), run('SELECT 5')])).map(({ rows }) => rows)).toEqual([
        [['4']],
        [['5']],
      ]);
    },
  );

  it('does not repeat a statement whose answer was lost', async () => {
    await snowflake.execute('CREATE TABLE counted (n NUMBER)');
    proxy.next({ kind: 'lost', statement: /^INSERT INTO counted/ });
    await run('INSERT INTO counted VALUES (1)');
    expect((await run('SELECT COUNT(*) FROM counted')).rows).toEqual([['1']]);
  });

  it('survives a broken connection, and a service that is busy once', async () => {
    proxy.next({ kind: 'reset', statement: /broken/ });
    expect((await run("SELECT 'broken'")).rows).toEqual([['broken']]);
    proxy.next({ kind: '503', statement: /busy/ });
    expect((await run("SELECT 'busy'")).rows).toEqual([['busy']]);
  });

  it('reports within seconds that the service is unavailable, as retryable', async () => {
    proxy.next({ kind: '503', statement: /never/, times: 100 });
    const began = Date.now();
    const error = await run("SELECT 'never'").catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      remedy: 'wait',
      message: expect.stringMatching(/^Snowflake answered with HTTP 503/),
    });
    expect(Date.now() - began).toBeLessThan(20_000);
  });

  it('makes the service stop a statement that was cancelled while running', async () => {
    const controller = new AbortController();
    proxy.next({ kind: 'hold', statement: /^CALL SYSTEM\$WAIT\(61\)/ });
    const running = poolOf(snowflake.connection).run('CALL SYSTEM$WAIT(61)', { signal: controller.signal });
    running.catch(() => {});
    (await proxy.held())();
    await emulator.until(({ sql, status }) => sql.includes('WAIT(61)') && status === 'RUNNING');
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect((await emulator.history()).find(({ sql }) => sql.includes('WAIT(61)'))).toMatchObject({
      status: 'FAILED',
    });
  });

  it('tags statements with their purpose', async () => {
    await withQueryTag({ run: 'nightly', step: 'unit', unit: 3 }, () =>
      withQueryTag({ partition: 'North', attempt: 2 }, () => run("SELECT 'tagged'")),
    );
    const { tag } = (await emulator.history()).find(({ sql }) => sql === "SELECT 'tagged'")!;
    expect(JSON.parse(tag)).toEqual({
      app: 'partwise',
      run: 'nightly',
      partition: 'North',
      step: 'unit',
      unit: 3,
      attempt: 2,
    });
  });
});

describeEmulator('a login', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = { type: 'spki', format: 'pem' } as const;
  let emulator: Emulator;
  let home: string;
  beforeAll(async () => {
    emulator = await startEmulator({
      EMULATOR_USERS: JSON.stringify({
        ROBOT: { public_key: publicKey.export(pem) },
        ANN: { password: 'right' },
        PAT: { token: 'a-token' },
      }),
    });
    home = await mkdtemp(join(tmpdir(), 'partwise-login-'));
    const encrypted = privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open',
    });
    await writeFile(join(home, 'key.p8'), encrypted, { mode: 0o600 });
    const place = { account: 'emulated', access_url: emulator.url, database: 'DB', schema: 'PUBLIC' };
    const key = { ...place, user: 'robot', private_key_file: join(home, 'key.p8') };
    await writeConnections(home, {
      key: { ...key, private_key_passphrase: 'open' },
      wrong_passphrase: { ...key, private_key_passphrase: 'closed' },
      password: { ...place, user: 'ann', password: 'right' },
      wrong_password: { ...place, user: 'ann', password: 'wrong' },
      token: { ...place, user: 'pat', authenticator: 'PROGRAMMATIC_ACCESS_TOKEN', token: 'a-token' },
      incomplete: { account: 'emulated', access_url: emulator.url },
    });
    process.env.SNOWFLAKE_HOME = home;
  });
  afterAll(async () => {
    await closeSessions();
    await emulator.end();
    await rm(home, { recursive: true, force: true });
  });
  const userOf = async (connection: string) =>
    (await poolOf(connection).run('SELECT CURRENT_USER()')).rows[0]![0];

  it('works with a key pair, a password and a token', async () => {
    expect(await userOf('key')).toBe('ROBOT');
    expect(await userOf('password')).toBe('ANN');
    expect(await userOf('token')).toBe('PAT');
  });

  it('that is refused names the connection and reveals no secret (I9, I11)', async () => {
    for (const name of ['wrong_password', 'wrong_passphrase', 'incomplete']) {
      const error = (await userOf(name).catch((reason: unknown) => reason)) as Error & { type: string };
      expect(error).toMatchObject({ type: 'ServiceRefused' });
      expect(error.message).toMatch(`Snowflake connection "${name}": `);
      expect(error.message).not.toMatch(/wrong |closed/);
    }
  });
});

describeEmulator('a changed connection', () => {
  let snowflake: TestSnowflake;
  let file: string;
  beforeAll(async () => {
    snowflake = await startSnowflake();
    file = join(process.env.SNOWFLAKE_HOME!, 'connections.toml');
  });
  afterAll(() => snowflake.close());
  const roleNow = async () => (await snowflake.query('SELECT CURRENT_ROLE()')).rows[0]![0];

  it('applies from the next statement, and stays as before while its file cannot be read', async () => {
    const before = await readFile(file, 'utf8');
    expect(await roleNow()).toBe('TESTER');
    await writeFile(file, 'role = "half of');
    expect(await roleNow()).toBe('TESTER');
    await writeFile(file, before.replace('TESTER', 'FIXED'));
    expect(await roleNow()).toBe('FIXED');
  });
});

describeEmulator('the driver', () => {
  it('is not loaded for help or for DuckDB, and once loaded, writes neither to the terminal nor to the folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'partwise-quiet-'));
    const loaded = "console.log(Object.keys(require.cache).some((name) => name.includes('snowflake-sdk')))";
    const node = (program: string): string =>
      execFileSync(process.execPath, ['-e', program], { cwd: folder, encoding: 'utf8' });
    const from = (name: string): string => JSON.stringify(join(REPOSITORY, 'dist', name));
    expect(node(`require(${from('index.js')}); ${loaded}`)).toBe('false\n');
    expect(node(`require(${from('worker.js')}); ${loaded}`)).toBe('false\n');
    const onDuckDb = `require(${from('warehouse/index.js')}).openWarehouse('duckdb::memory:', '.')
      .inspect({ source: { query: 'SELECT 1 AS a' }, partitionBy: ['a'], where: null, scheduled: null })`;
    expect(node(`require(${from('activities/index.js')}); ${onDuckDb}.then(() => ${loaded})`)).toBe(
      'false\n',
    );
    const refused = `require(${from('snowflake/index.js')}).poolOf('x').run('SELECT 1').catch(() => ${loaded})`;
    expect(
      node(
        `process.env.SNOWFLAKE_ACCOUNT = 'none'; process.env.SNOWFLAKE_HOST = '127.0.0.1'; process.env.SNOWFLAKE_PORT = '1'; ${refused}`,
      ),
    ).toBe('true\n');
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
