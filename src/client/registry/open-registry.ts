/** Opens the registry of a project. */
import { resolvePlace } from '../../planning/check-run';
import type { ProjectConfig } from '../../config';
import { ModelRegistry } from './registry';
import { RegistryRefused } from '../../models/records';
import type { RunInput } from '../../core/input';
import { openStage } from '../../stage';
import { openWarehouse } from '../../warehouse';
import type { RunHandle } from '../../reader/run-handle';

/** If `warehouse` is null, uses the project's. Throws `RegistryRefused` for an invalid warehouse. */
export function openRegistry(
  project: ProjectConfig,
  warehouse: string | null,
  start: (input: RunInput, options: { runId?: string }) => Promise<RunHandle>,
): ModelRegistry {
  const problems: string[] = [];
  const uri = resolvePlace('warehouse', warehouse, project, problems, { trusted: true });
  if (uri === null) throw new RegistryRefused(problems.join(' '));
  const named = warehouse === null ? {} : { warehouse };
  return new ModelRegistry({
    warehouse: openWarehouse(uri, project.projectDir),
    openStage,
    start: (input, options) => start({ ...named, ...input }, options),
  });
}
