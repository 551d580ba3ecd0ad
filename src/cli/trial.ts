/** `--try N`: the same run on a few of its partitions. */
import type { ProjectConfig } from '../config';
import type { RunInput } from '../run/input';
import { CannotDo } from './exit';

export async function trialOf(input: RunInput, config: ProjectConfig, wanted: string): Promise<RunInput> {
  if (!/^[1-9]\d{0,5}$/.test(wanted))
    throw new CannotDo(`--try is "${wanted}"; it takes a whole number, 1 or more.`);
  const { firstPartitions } = require('../activities/preview') as typeof import('../activities/preview');
  return { ...input, only: await firstPartitions(input, config, Number(wanted)) };
}
