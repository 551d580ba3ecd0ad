import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow';
import type { ProjectConfig } from '../../config';
import { parseHistory } from '../archive/archive';
import { UnreadableHistory } from '../errors';
import type { RecordedHistory } from './execution-history';
import { payloadDecoder } from './payloads';
import { RecordedRun } from '../recorded-run';
import { Run } from '../run';
import type { RunHandle } from '../run-handle';

/** The run in a file, decoded with the project's data converter. Throws `UnreadableHistory`. */
export async function readHistoryFile(
  file: string,
  { temporal }: Pick<ProjectConfig, 'temporal'>,
): Promise<RunHandle> {
  const history = await historyInFile(file);
  const decoder = payloadDecoder(loadDataConverter(temporal.dataConverter));
  return new Run(new RecordedRun(history, decoder), null);
}

async function historyInFile(file: string): Promise<RecordedHistory> {
  const folder = dirname(file);
  // Archives of shards are next to that of their run.
  const read = (name: string): Promise<Uint8Array | null> => readFile(join(folder, name)).catch(() => null);
  return parseHistory(await contentOf(file), `"${file}"`, { read, place: `in the folder ${folder}` });
}

/** Throws `UnreadableHistory`. */
export async function contentOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new UnreadableHistory(`The history "${file}" cannot be read (${(error as Error).message}).`);
  }
}
