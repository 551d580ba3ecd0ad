/** The code at the places of errors, as far as the project has it. */
import type { PartitionView, SourceExcerpt } from '..';
import { userPlace } from '../core/stack-place';
import { loadProject } from './connect';
import type { ProjectFlags } from './options';

/** Before and after the place. */
const LINES = 1;

/** An excerpt for each error, or null. */
export async function excerptsOf(
  options: ProjectFlags,
  failed: readonly Pick<PartitionView, 'error' | 'functionDigest'>[],
): Promise<(SourceExcerpt | null)[]> {
  const { Project }: typeof import('..') = require('..');
  const project = await Project.open({ config: await loadProject(options) });
  const excerpts: (SourceExcerpt | null)[] = [];
  // One after the other: neighbours have the same bundle, which the project keeps.
  for (const { error, functionDigest } of failed) {
    const place = userPlace(error?.stack ?? null);
    const isKnown = place !== null && functionDigest !== null;
    excerpts.push(isKnown ? await project.source(functionDigest, place, { lines: LINES }) : null);
  }
  return excerpts;
}
