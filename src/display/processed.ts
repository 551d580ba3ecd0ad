/** What a run processes, in words. Pure. */
import type { ProcessedInput } from '../history/state';

/** `table sales`, `query SELECT …`, or the path of files. */
export function sourceText(source: ProcessedInput['source']): string {
  if ('table' in source) return `table ${source.table}`;
  if ('query' in source) return `query ${source.query}`;
  return source.pattern === undefined ? source.files : `${source.files}/${source.pattern}`;
}

/** `by region, product`. */
export function keyText({ partitionBy }: ProcessedInput): string {
  return partitionBy.length === 0 ? 'each file a partition' : `by ${partitionBy.join(', ')}`;
}
