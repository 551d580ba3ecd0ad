/** Does work whose refusals reach the caller as `StartRefused`. */
export async function refusing<T>(work: () => Promise<T>): Promise<T> {
  const { Refusal }: typeof import('../core/refusal') = require('../core/refusal');
  const { StartRefused }: typeof import('../reader/errors') = require('../reader/errors');
  try {
    return await work();
  } catch (error) {
    throw error instanceof Refusal ? new StartRefused(error.type, error.problems) : error;
  }
}
