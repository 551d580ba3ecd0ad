/** The columns that a function declares with `output`. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column } from '../core/plan';
import { canonicalType } from '../duckdb/type-name';
import { typeProblem } from './storable';
import { typedText } from './typed-text';

export interface DeclaredColumns {
  /** In order, with the types as DuckDB names them. Key columns are not among them. */
  columns: readonly Column[];
  /** Position by name. */
  positions: ReadonlyMap<string, number>;
}

/** `connection` only resolves the names of types. Throws a `TypeError` with all problems. */
export async function declaredColumns(
  connection: DuckDBConnection,
  output: Readonly<Record<string, string>>,
  keyColumns: readonly string[],
): Promise<DeclaredColumns> {
  const keys = keyColumns.map((name) => name.toLowerCase());
  const columns: Column[] = [];
  const problems: string[] = [];
  for (const [name, given] of Object.entries(output)) {
    const type = await canonicalType(connection, given);
    if (type === null) {
      problems.push(
        `"output" declares ${JSON.stringify(name)} as ${JSON.stringify(given)}, which is not a type of DuckDB, such as "DATE", "DECIMAL(12,2)" or "VARCHAR[]".`,
      );
    } else if (typeProblem(type) !== null || typedText(type, 'given') === null) {
      problems.push(
        `"output" declares ${JSON.stringify(name)} as ${type}, which functions cannot return. Declare another type, such as "VARCHAR" or "JSON".`,
      );
    } else if (!keys.includes(name.toLowerCase())) columns.push({ name, type });
  }
  if (problems.length > 0) throw new TypeError(problems.join('\n'));
  return { columns, positions: new Map(columns.map(({ name }, i) => [name, i])) };
}
