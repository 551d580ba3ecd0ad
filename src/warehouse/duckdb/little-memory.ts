/** Sorting 20,000,000 rows takes as long with this and the disk as with twice as much. */
const MEMORY = '1GiB';

/**
 * Does work with less memory than DuckDB would take, which is 80 % of the machine's: the machine has runners
 * too. If that is not enough, as for rows of many megabytes, the work is done again without a limit.
 */
export async function inLittleMemory<T>(
  work: (memory: string | undefined) => Promise<T>,
  memory = MEMORY,
): Promise<T> {
  try {
    return await work(memory);
  } catch (error) {
    if (!/Out of Memory/.test(String(error))) throw error;
    return work(undefined);
  }
}
