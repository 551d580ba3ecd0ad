/** `@last` in place of a run id. */
import type { ListOptions, Partwise, RunListing } from '..';
import { CannotDo } from './exit';

const LAST = '@last';

/** Describes an argument that takes a run id. */
export const RUN_ID = `run id, or ${LAST} for the newest run`;

/** The run id that was meant: that of the newest run for `@last`. */
export async function runIdOf(partwise: Pick<Partwise, 'list'>, text: string): Promise<string> {
  if (text !== LAST) return text;
  // Lists are not ordered by start, but any of the runs narrows down where the newest one is.
  let newest: RunListing | undefined;
  for await (const runs of pages(partwise, {})) {
    newest = latestOf(runs);
    if (newest !== undefined) break;
  }
  if (newest === undefined) throw new CannotDo(`There are no runs, so ${LAST} names none: give a run id.`);
  for await (const runs of pages(partwise, { startedFrom: new Date(newest.startedAt) }))
    newest = latestOf([newest, ...runs])!;
  return newest.runId;
}

async function* pages(
  partwise: Pick<Partwise, 'list'>,
  filter: ListOptions,
): AsyncGenerator<readonly RunListing[]> {
  let after: string | undefined;
  do {
    const page = await partwise.list({ ...filter, after });
    yield page.runs;
    after = page.next ?? undefined;
  } while (after !== undefined);
}

function latestOf(runs: readonly RunListing[]): RunListing | undefined {
  return runs.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))[0];
}
