/**
 * Tries one by one what runs need of a Snowflake account. If the role lacks a privilege, the missing grant is
 * named.
 */
import { randomUUID } from 'node:crypto';
import { isForbidden, isUnknownObject, poolOf, unusedSettings, type SessionPool } from '../../snowflake';
import { quoteName } from '../../snowflake/names';
import type { SnowflakeStage } from '../../stage/snowflake/snowflake-stage';
import { check, type Check } from '../../core/setup-check';

/** The session's user, role and location as reported by the service, quoted where needed. */
interface Whereabouts {
  user: string;
  role: string;
  warehouse: string;
  schema: string;
}

/** `name` is the connection's. If the login fails, the first check is the only one. */
export async function* checkConnection(name: string): AsyncGenerator<Check> {
  const pool = poolOf(name);
  let found: Whereabouts | null = null;
  yield await check('connection', async () => {
    found = await whereabouts(pool, name);
    const { user, role, warehouse, schema } = found;
    const unused = unusedSettings(name);
    const hint = unused.length === 0 ? '' : `; unknown settings, which are not used: ${unused.join(', ')}`;
    return `${name}: user ${user}, role ${role}, virtual warehouse ${warehouse}, schema ${schema}${hint}`;
  });
  if (found === null) return;
  const { role, warehouse, schema } = found as Whereabouts;
  yield await check('compute', async () => {
    const sql = 'SELECT SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => 1))';
    await granted(`GRANT USAGE ON WAREHOUSE ${warehouse} TO ROLE ${role};`, () => pool.run(sql));
    return `${warehouse} runs queries`;
  });
  yield await check('schema', async () => {
    const [database] = /^(?:"(?:[^"]|"")*"|[^.])*/.exec(schema)!;
    const grants = [
      `GRANT USAGE ON DATABASE ${database} TO ROLE ${role};`,
      `GRANT USAGE, CREATE TABLE ON SCHEMA ${schema} TO ROLE ${role};`,
    ];
    await granted(grants.join(' '), () => makeTables(pool));
    return `${schema}: tables can be created in it`;
  });
}

/** Unloading is faster than reading rows through the driver, but no run requires it. */
export function checkUnload(stage: SnowflakeStage): Promise<Check> {
  return check('unload', async () => {
    const folder = `doctor/${randomUUID()}/`;
    try {
      await poolOf(stage.location.connection).run(
        `COPY INTO ${stage.place(folder)} FROM (SELECT 1 AS N) PARTITION BY ('b=' || N) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE`,
      );
      for (const { path } of await stage.list(folder)) await stage.remove(path);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      return `the role may not unload, so snapshots are read through the driver, which takes longer: ${(error as Error).message}`;
    }
    return 'Snowflake writes snapshots directly to the stage';
  });
}

async function whereabouts(pool: SessionPool, name: string): Promise<Whereabouts> {
  const { rows } = await pool.run(
    'SELECT CURRENT_USER(), CURRENT_ROLE(), CURRENT_WAREHOUSE(), CURRENT_DATABASE(), CURRENT_SCHEMA()',
  );
  const [user, role, warehouse, database, schema] = rows[0]!;
  const missing = [
    ...(role == null ? ['role'] : []),
    ...(warehouse == null ? ['warehouse'] : []),
    ...(database == null ? ['database'] : []),
    ...(schema == null ? ['schema'] : []),
  ];
  if (missing.length > 0) {
    throw new Error(
      `The connection "${name}" has no ${missing.join(', no ')}: set each in its section of connections.toml ` +
        `(${missing.map((each) => `${each} = "…"`).join(', ')}), and grant the role USAGE on it, since a setting that the role may not use has no effect.`,
    );
  }
  const written = (text: string): string => (/^[A-Z_][A-Z0-9_$]*$/.test(text) ? text : quoteName(text));
  return {
    user: written(user!),
    role: written(role!),
    warehouse: written(warehouse!),
    schema: `${written(database!)}.${written(schema!)}`,
  };
}

/** Creates tables as planning and commits do. */
async function makeTables(pool: SessionPool): Promise<void> {
  const name = `PARTWISE_DOCTOR_${randomUUID().slice(0, 8).toUpperCase()}`;
  await pool.lend(async (session) => {
    await session.run(`CREATE TRANSIENT TABLE ${name} (N NUMBER(38,0)) DATA_RETENTION_TIME_IN_DAYS = 0`);
    await session.run(`DROP TABLE ${name}`);
    await session.run(`CREATE TEMPORARY TABLE ${name} (N NUMBER(38,0))`);
    await session.run(`DROP TABLE ${name}`);
  });
}

async function granted(grants: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isForbidden(error) && !isUnknownObject(error)) throw error;
    throw new Error(`${(error as Error).message} The role may lack these grants: ${grants}`, {
      cause: error,
    });
  }
}
