/**
 * Pages of single partitions in an exported file: those that failed for each cause, and those with artifacts
 * that were asked for.
 */
import type { ArtifactView, PartitionHandle, PartitionView, RunHandle } from '../..';
import { artifactPreview, returnedRows } from '../partition-contents';
import type { ExportedPartition } from '../wire/export';
import type { ArtifactPreview } from '../wire/types';

/** Of all artifacts in a file. */
const MAX_BYTES = 5 * 1024 * 1024;
/** Returned rows as JSON; those of a partition with more are not in the file. */
const MAX_ROWS_LENGTH = 20_000;
/** Longer ones are cut: they repeat themselves. */
const MAX_STACK = 4_000;
const AT_ONCE = 8;

export interface PartitionPages {
  partitions: ExportedPartition[];
  /** Contents of all artifacts, one after the other. */
  artifacts: Uint8Array;
}

/**
 * `views`: the partitions that may have a page, of which those in `failed` have one in any case; `patterns`:
 * names of artifacts, in which `*` stands for any text. Throws a `RangeError` if they are too large, or if
 * there are none.
 */
export async function partitionPages(
  run: RunHandle,
  views: readonly PartitionView[],
  failed: ReadonlySet<number>,
  patterns: readonly string[],
): Promise<PartitionPages> {
  const chosen = views.map((view) => ({ view, artifacts: chosenOf(view.artifacts, patterns) }));
  checkChoice(chosen, patterns);
  const shown = chosen.filter(({ view, artifacts }) => failed.has(view.ordinal) || artifacts.length > 0);
  const pages = await inTurns(shown, ({ view, artifacts }) =>
    pageOf(run.partition(view.id), view, artifacts),
  );
  const contents = pages.flatMap((page) => page.contents);
  let at = 0;
  const partitions = pages.map(({ contents: own, previews, ...page }): ExportedPartition => {
    const artifacts = page.view.artifacts.map(({ name }, i) => {
      const begin = at;
      at += own[i]!.length;
      return { name, preview: previews[i]!, at: begin };
    });
    return { ...page, artifacts };
  });
  return { partitions, artifacts: new Uint8Array(Buffer.concat(contents)) };
}

async function pageOf(
  handle: PartitionHandle,
  view: PartitionView,
  artifacts: ArtifactView[],
): Promise<
  Pick<ExportedPartition, 'view' | 'rows'> & { contents: Uint8Array[]; previews: ArtifactPreview[] }
> {
  const contents: Uint8Array[] = [];
  const previews: ArtifactPreview[] = [];
  for (const { name } of artifacts) {
    contents.push(await handle.artifacts.get(name, { read: (bytes) => bytes }));
    previews.push(await artifactPreview(handle.artifacts, name));
  }
  return { view: inFileView(view, artifacts), rows: await rowsOf(handle, view), contents, previews };
}

function chosenOf(artifacts: readonly ArtifactView[], patterns: readonly string[]): ArtifactView[] {
  const tests = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 's'));
  return artifacts.filter(({ name }) => tests.some((test) => test.test(name)));
}

function megabytes(bytes: number): string {
  return `${(bytes / (1024 * 1024)).toFixed(1)} MB`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function checkChoice(
  chosen: readonly { view: PartitionView; artifacts: readonly ArtifactView[] }[],
  patterns: readonly string[],
): void {
  if (patterns.length === 0) return;
  const files = chosen.flatMap(({ view, artifacts }) => artifacts.map((each) => ({ id: view.id, ...each })));
  const quoted = patterns.map((pattern) => `"${pattern}"`).join(', ');
  if (files.length === 0) {
    const names = [...new Set(chosen.flatMap(({ view }) => view.artifacts.map(({ name }) => name)))];
    const known =
      names.length === 0 ? 'They have no artifacts' : `They have ${names.slice(0, 10).join(', ')}`;
    throw new RangeError(
      `No artifact of the partitions in the file is named ${quoted}. ${known}${names.length > 10 ? ', …' : ''}.`,
    );
  }
  const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
  if (bytes <= MAX_BYTES) return;
  const largest = files.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  throw new RangeError(
    `The ${files.length.toLocaleString('en')} artifacts named ${quoted} have ${megabytes(bytes)}; a file may have ${megabytes(MAX_BYTES)} of them. ` +
      `The largest is ${largest.name} of ${largest.id}, ${megabytes(largest.bytes)}. Name fewer of them, or download them instead: partwise artifacts download.`,
  );
}

/** A digest would offer code that the file does not contain. */
function inFileView(view: PartitionView, artifacts: ArtifactView[]): PartitionView {
  const { error } = view;
  const stack = error?.stack?.slice(0, MAX_STACK) ?? null;
  return { ...view, artifacts, functionDigest: null, error: error === null ? null : { ...error, stack } };
}

async function rowsOf(handle: PartitionHandle, view: PartitionView): Promise<ExportedPartition['rows']> {
  if (view.returnedRows === 0) return null;
  const rows = returnedRows(await handle.result());
  return JSON.stringify(rows).length <= MAX_ROWS_LENGTH ? rows : null;
}

/** In the order of the items, a few at a time. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE)
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))));
  return results;
}
