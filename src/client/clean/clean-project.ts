/** Checks the options of `partwise.clean`, and cleans the project's stage. */
import type { Client } from '@temporalio/client';
import { resolvePlace } from '../../planning/check-run';
import type { ProjectConfig } from '../../config';
import { parseDuration } from '../../input/duration';
import { quote } from '../../core/quote';
import type { ModelRecord } from '../../models/records';
import { openStage } from '../../stage';
import { openWarehouse } from '../../warehouse';
import { cleanStage } from './clean-stage';
import type { Selection } from './selection';
import type { CleanOptions, CleanReport } from './types';
import { CleanRefused } from '../../reader/errors';

export async function cleanProject(
  client: Client,
  project: ProjectConfig,
  options: CleanOptions,
): Promise<CleanReport> {
  const problems: string[] = [];
  const selection = parseSelection(options, problems);
  const uri = resolvePlace('stage', options.stage ?? null, project, problems, { trusted: true });
  if (problems.length > 0) throw new CleanRefused(problems);
  const { dryRun = false } = options;
  return cleanStage(client, openStage(uri!), selection, {
    dryRun,
    now: Date.now(),
    models: () => registryRecords(project),
  });
}

/** Null if the warehouse cannot be read; then nothing is removed for having no record. */
async function registryRecords(project: ProjectConfig): Promise<readonly ModelRecord[] | null> {
  const uri = resolvePlace('warehouse', null, project, [], { trusted: true });
  return uri === null
    ? null
    : openWarehouse(uri, project.projectDir)
        .readModels(null)
        .catch(() => null);
}

function parseSelection({ runs, olderThan, keep }: CleanOptions, problems: string[]): Selection {
  const olderThanMs = olderThan === undefined ? null : parseDuration(olderThan);
  if (olderThan !== undefined && olderThanMs === null) {
    problems.push(
      `"olderThan" is ${quote(olderThan)}; it takes a duration such as "30d" or "12h" (a number means milliseconds).`,
    );
  }
  if (keep !== undefined && !(Number.isSafeInteger(keep) && keep >= 0))
    problems.push(`"keep" is ${quote(keep)}; it takes a whole number, 0 or more.`);
  if (runs !== undefined && (olderThan !== undefined || keep !== undefined)) {
    problems.push('"runs" cannot be combined with "olderThan" or "keep": give one or the other.');
  }
  return { runs: runs ?? null, olderThanMs, keep: keep ?? null };
}
