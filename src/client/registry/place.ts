/** Where the registry is: its warehouse, and the stages of its versions. */
import type { RunInput } from '../../core/input';
import type { VersionBody } from '../../models/records';
import type { RunHandle } from '../../reader/run-handle';
import { stageUri, type Stage } from '../../stage';
import type { Warehouse } from '../../warehouse';

export interface RegistryPlace {
  warehouse: Warehouse;
  openStage(uri: string): Stage;
  start(input: RunInput, options: { runId?: string }): Promise<RunHandle>;
}

/** Opens the version's stage through this registry's connection. */
export function stageOf({ openStage, warehouse }: RegistryPlace, { stage }: VersionBody): Stage {
  return openStage(stageUri(stage, '', warehouse.uri));
}
