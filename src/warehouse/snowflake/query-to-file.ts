/** Writes the rows of a function's query to a file, with the types that a snapshot of them would have. */
import {
  MAX_QUERY_ROWS,
  TooManyRows,
  type QueryFile,
  type WarehouseQuery,
} from '../../core/warehouse-access';
import { queryRows, withDatabase } from '../../duckdb/database-file';
import { withoutEnd } from '../../duckdb/input-sql';
import { identifier, literal } from '../../duckdb/quote';
import type { SessionPool } from '../../snowflake';
import { columnNames } from '../../snowflake/js-values';
import { restoreSql, typeInSnapshot, unloadSql } from './column-types';
import { LOAD_PARAMETERS } from './load-parameters';
import { RESTORE_MEMORY } from './restore-rows';
import { loadTexts } from './text-rows';

export interface FileQuery extends WarehouseQuery {
  target: string;
  timeoutSeconds: number;
  tempFolder: string;
  signal: AbortSignal;
}

class UnreadableColumn extends Error {
  override name = 'UnreadableColumn';
  readonly nonRetryable = true;
}

export async function queryToFile(pool: SessionPool, query: FileQuery): Promise<QueryFile> {
  const { sql, binds, partitionId, attempt, target, timeoutSeconds, tempFolder, signal } = query;
  const tag = { partition: partitionId, attempt };
  const options = { binds, signal, timeoutSeconds, tag, parameters: LOAD_PARAMETERS };
  const select = withoutEnd(sql);
  return withDatabase(
    ':memory:',
    'read',
    async (connection) => {
      await connection.run(`SET memory_limit = '${RESTORE_MEMORY}'`);
      const columns = await pool.lendFor(async (session) => {
        const { columns: found } = await session.run(select, { ...options, describeOnly: true });
        const names = columnNames(found);
        const typed = found.map((column, i) => {
          const type = typeInSnapshot(column);
          if (type !== null) return { name: names[i]!, type };
          throw new UnreadableColumn(
            `The column "${names[i]!}" of the query is of Snowflake's type ${column.type}, which functions cannot read. Convert it in the query.`,
          );
        });
        const forms = typed.map(({ type }, i) => `${unloadSql(type, `data.C${i}`)} AS C${i}`);
        const data = `(${select}\n) AS data (${typed.map((_, i) => `C${i}`).join(', ')})`;
        // The forms are text, which keeps all digits.
        const text = `SELECT ${forms.join(', ')} FROM ${data} LIMIT ${MAX_QUERY_ROWS + 1}`;
        await loadTexts(connection, 'queried', typed.length, session.stream(text, options));
        return typed;
      }, signal);
      const [counted] = await queryRows<{ n: number }>(
        connection,
        'SELECT count(*)::DOUBLE AS n FROM queried',
      );
      if (counted!.n > MAX_QUERY_ROWS) throw new TooManyRows();
      const restored = columns.map(
        ({ name, type }, i) => `${restoreSql(type, `C${i}`)} AS ${identifier(name)}`,
      );
      await connection.run(
        `COPY (SELECT ${restored.join(', ')} FROM queried ORDER BY queried.rowid) TO ${literal(target)} (FORMAT parquet)`,
      );
      return { file: target, columns };
    },
    { tempFolder },
  );
}
