/** Whether this machine's functions file has what an input refers to. */
import type { ProjectConfig } from '../config';
import type { RunInput } from '../core/input';
import { parseRunInput } from '../input/parse-input';
import { modelProblems } from '../planning/check-models';
import { findFunction } from '../planning/check-run';
import { FunctionCatalog } from '../planning/function-catalog';
import { withTemporaryFolders } from './trial/temporary-folders';

/** None for an input that cannot be parsed, whose problems are reported elsewhere. */
export async function functionProblems(raw: RunInput, project: ProjectConfig): Promise<string[]> {
  const parsed = parseRunInput(raw);
  if (!parsed.ok) return [];
  return withTemporaryFolders(project.projectDir, async ({ bundles: folder }) => {
    const { functions: files, projectDir: cwd } = project;
    const { passEnv } = project.worker;
    const functions = new FunctionCatalog({ files, folder, reloads: true, passEnv, cwd });
    const problems: string[] = [];
    const input = { ...parsed.input, starter: 'owner' } as const;
    const found = await findFunction({ functions }, project, input, problems);
    return found === null ? problems : [...problems, ...modelProblems(input, found.described)];
  });
}
