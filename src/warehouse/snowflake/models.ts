/**
 * The model registry's table on Snowflake, in the connection's schema: one row for each record of a model,
 * changed in one transaction.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { recordChanges } from '../../models/record-changes';
import type { ModelRecord } from '../../models/records';
import { isUnknownObject, SnowflakeError, type Session, type SessionPool } from '../../snowflake';

const MODELS = 'PARTWISE_MODELS';
const MAX_TRIES = 5;
const WAIT_MS = 200;

/** Returns the records, each with the name of its model. */
export async function readModels(
  pool: SessionPool,
  model: string | null,
): Promise<(ModelRecord & { model: string })[]> {
  try {
    return await pool.lend((session) => select(session, model));
  } catch (error) {
    if (isUnknownObject(error)) return [];
    throw error;
  }
}

/** Every transaction on the model updates this row first, so they are serialized. */
const LOCK = "KIND = 'lock'";

/**
 * Repeats a transaction that conflicted with another one or was interrupted; `change` then sees whether it
 * took effect.
 */
export async function changeModels<T>(pool: SessionPool, model: string, change: Change<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await changeOnce(pool, model, change);
    } catch (error) {
      if (!(error instanceof SnowflakeError) || error.remedy === 'none' || attempt === MAX_TRIES) throw error;
      await sleep(attempt * WAIT_MS);
    }
  }
}

type Change<T> = (records: readonly ModelRecord[]) => { records: readonly ModelRecord[]; result: T };

function changeOnce<T>(pool: SessionPool, model: string, change: Change<T>): Promise<T> {
  return pool.lend(async (session) => {
    await session.run(
      `CREATE TABLE IF NOT EXISTS ${MODELS} (MODEL VARCHAR, KIND VARCHAR, NAME VARCHAR, NUMBER NUMBER(38,0), BODY VARCHAR)`,
    );
    await session.run(
      `INSERT INTO ${MODELS} (MODEL, KIND, NAME, NUMBER, BODY) SELECT ?, 'lock', '', 0, '' ` +
        `WHERE NOT EXISTS (SELECT 1 FROM ${MODELS} WHERE MODEL = ? AND ${LOCK})`,
      { binds: [model, model] },
    );
    await session.run('BEGIN TRANSACTION');
    try {
      await session.run(`UPDATE ${MODELS} SET BODY = ? WHERE MODEL = ? AND ${LOCK}`, {
        binds: [new Date().toISOString(), model],
      });
      const before = await select(session, model);
      const { records, result } = change(before);
      const { removed, added } = recordChanges(before, records);
      for (const { kind, name, number } of removed) {
        await session.run(`DELETE FROM ${MODELS} WHERE MODEL = ? AND KIND = ? AND NAME = ? AND NUMBER = ?`, {
          binds: [model, kind, name, number],
        });
      }
      for (const { kind, name, number, body } of added) {
        await session.run(`INSERT INTO ${MODELS} (MODEL, KIND, NAME, NUMBER, BODY) SELECT ?, ?, ?, ?, ?`, {
          binds: [model, kind, name, number, JSON.stringify(body)],
        });
      }
      await session.run('COMMIT');
      return result;
    } catch (error) {
      await session.rollBack();
      throw error;
    }
  });
}

async function select(session: Session, model: string | null): Promise<(ModelRecord & { model: string })[]> {
  const { rows } = await session.run(
    `SELECT MODEL, KIND, NAME, NUMBER, BODY FROM ${MODELS} WHERE KIND <> 'lock'` +
      `${model === null ? '' : ' AND MODEL = ?'} ORDER BY MODEL, KIND, NAME, NUMBER`,
    model === null ? {} : { binds: [model] },
  );
  return rows.map(
    ([of, kind, name, number, body]) =>
      ({
        model: of!,
        kind,
        name,
        number: Number(number),
        body: JSON.parse(body!) as object,
      }) as ModelRecord & {
        model: string;
      },
  );
}
