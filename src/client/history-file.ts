import { readFile } from 'node:fs/promises';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow';
import type { ProjectConfig } from '../config';
import { parseHistory } from './archive';
import { UnreadableHistory } from './errors';
import type { RecordedHistory } from './execution-history';
import { payloadDecoder } from './payloads';
import { recordedRun } from './recorded-handle';
import type { RunHandle } from './types';

/** The run in a file, decoded as the project's data converter does. Throws `UnreadableHistory`. */
export async function readHistoryFile(
  file: string,
  { temporal }: Pick<ProjectConfig, 'temporal'>,
): Promise<RunHandle> {
  const history = await historyInFile(file);
  return recordedRun(history, payloadDecoder(loadDataConverter(temporal.dataConverter)));
}

export async function historyInFile(file: string): Promise<RecordedHistory> {
  let content: Uint8Array;
  try {
    content = await readFile(file);
  } catch (error) {
    throw new UnreadableHistory(`The history "${file}" cannot be read (${(error as Error).message}).`);
  }
  return parseHistory(content, `"${file}"`);
}
