import type { ListOptions } from '../../../src/index';
import type { TestProject } from '../project';

/** Ids of all runs that a list has, page by page. */
export async function runIds(project: TestProject, options: ListOptions): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await project.partwise.list({ ...options, after });
    found.push(...page.runs.map(({ runId }) => runId));
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}
