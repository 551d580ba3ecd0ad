/**
 * The model registry's table in a DuckDB file: one row for each record of a model, changed in one
 * transaction.
 */
import { existsSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { recordChanges } from '../../models/record-changes';
import type { ModelRecord } from '../../models/records';
import { Refusal } from '../../core/refusal';
import { needsFile } from './output-check';
import { inTransaction, queryRows, withDatabase } from '../../duckdb/database-file';

const MODELS = '"partwise_models"';

/** Returns the records, each with the name of its model. */
export async function readModels(
  path: string,
  model: string | null,
): Promise<(ModelRecord & { model: string })[]> {
  if (path === ':memory:' || !existsSync(path)) return [];
  return withDatabase(path, 'read', async (connection) => {
    const tables = await queryRows(
      connection,
      "SELECT 1 FROM information_schema.tables WHERE table_name = 'partwise_models'",
    );
    return tables.length === 0 ? [] : select(connection, model);
  });
}

export async function changeModels<T>(
  path: string,
  model: string,
  change: (records: readonly ModelRecord[]) => { records: readonly ModelRecord[]; result: T },
): Promise<T> {
  if (path === ':memory:') throw new Refusal('InvalidInput', [needsFile('The model registry')]);
  return withDatabase(path, 'write', (connection) =>
    inTransaction(connection, async () => {
      await connection.run(
        `CREATE TABLE IF NOT EXISTS ${MODELS} (model VARCHAR, kind VARCHAR, name VARCHAR, number INTEGER, body VARCHAR)`,
      );
      const before = await select(connection, model);
      const { records, result } = change(before);
      const { removed, added } = recordChanges(before, records);
      for (const { kind, name, number } of removed) {
        await connection.run(
          `DELETE FROM ${MODELS} WHERE model = $1 AND kind = $2 AND name = $3 AND number = $4`,
          [model, kind, name, number],
        );
      }
      for (const { kind, name, number, body } of added)
        await connection.run(`INSERT INTO ${MODELS} VALUES ($1, $2, $3, $4, $5)`, [
          model,
          kind,
          name,
          number,
          JSON.stringify(body),
        ]);
      return result;
    }),
  );
}

async function select(
  connection: DuckDBConnection,
  model: string | null,
): Promise<(ModelRecord & { model: string })[]> {
  const rows = await queryRows<{ model: string; kind: string; name: string; number: number; body: string }>(
    connection,
    `SELECT model, kind, name, number, body FROM ${MODELS} WHERE $1 IS NULL OR model = $1 ORDER BY model, kind, name, number`,
    [model],
  );
  return rows.map(
    ({ body, ...rest }) => ({ ...rest, body: JSON.parse(body) as object }) as ModelRecord & { model: string },
  );
}
