/** What a dry run of `retry` and `skip` prints: how many partitions, and the first of them. */
import type { RunHandle, SelectedPartitions } from '..';
import { partitionName } from '../core/partition-name';
import { clean, plural, wrapped } from '../display/text';
import { paint, print, printJson, widthOfTerminal } from './terminal';

/** A dry run names this many partitions. */
const MAX_NAMED = 10;

/** `would` is what happens to them, such as "A retry of regional-2024 would run". */
export async function printSelection(
  run: RunHandle,
  { partitions, ordinals }: SelectedPartitions,
  would: string,
  { json = false }: { json?: boolean },
): Promise<void> {
  const { ordinalRanges }: typeof import('..') = require('..');
  if (json) return printJson({ runId: run.runId, partitions, ordinals: ordinalRanges(ordinals) });
  const { total } = (await run.status()).counts;
  print(`${would} ${partitions.toLocaleString('en')} of ${plural(total, 'partition')}.`);
  if (partitions === 0) return;
  const pages = Array.from(ordinals.subarray(0, MAX_NAMED), (from) => run.partitions({ from, limit: 1 }));
  const shown = (await Promise.all(pages)).flatMap((page) => page.partitions);
  const names = shown.map(({ id, status }) => `${clean(partitionName(id))} (${status})`).join(', ');
  const more = partitions > shown.length ? ', …' : '';
  print(paint.dim(wrapped(names + more, widthOfTerminal(), '  ', '  ')));
}
