/** Checks the columns that a function declares, before anything runs. */
import { tmpdir } from 'node:os';
import { openDatabase } from '../duckdb/database';
import { declaredColumns } from '../rows/declared-columns';

const MEMORY_BYTES = 64 * 2 ** 20;

/** The problems with the types, as sentences. */
export async function outputProblems(
  name: string,
  output: Readonly<Record<string, string>>,
): Promise<string[]> {
  const database = await openDatabase({ memoryBytes: MEMORY_BYTES, tempFolder: tmpdir() });
  try {
    await declaredColumns(await database.connect(), output, []);
    return [];
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return error.message.split('\n').map((problem) => `In the function "${name}": ${problem}`);
  } finally {
    database.closeSync();
  }
}
