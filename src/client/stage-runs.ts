/** The runs that a stage has archives of, without a server. */
import type { Client } from '@temporalio/client';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow';
import type { ProjectConfig } from '../config';
import { ArchivedRun } from '../reader/archive/archived-run';
import { ArchivedRuns } from '../reader/archive/archived-runs';
import { payloadDecoder } from '../reader/histories/payloads';
import type { RunList } from '../reader/list';
import { NoSuchStage } from '../reader/errors';
import { Run } from '../reader/run';
import type { ListOptions, RunPage } from '../reader/list-types';
import type { RunHandle } from '../reader/run-handle';
import { openStage, stageUri } from '../stage';
import { closeServices } from '../warehouse';

/** Reads the archived runs of one stage. */
export interface StageRuns {
  /** Absolute URI of the stage. */
  readonly stage: string;
  /**
   * Returns a page of the stage's archived runs, by run id, the last one first. A run in progress has no
   * archive. Throws `RangeError` for an invalid limit or cursor.
   */
  list(options?: Omit<ListOptions, 'archived'>): Promise<RunPage>;
  /** Returns the handle of a run. Its methods throw `NoSuchRun` if it has no archive. */
  getRun(runId: string): RunHandle;
  /** Closes connections to the stage. */
  close(): Promise<void>;
}

/**
 * `place` is a path or URI; relative paths start at the working directory. Throws `NoSuchStage` if there is
 * nothing at that place.
 */
export async function openStageRuns(
  place: string,
  { temporal, warehouse }: Pick<ProjectConfig, 'temporal' | 'warehouse'>,
): Promise<StageRuns> {
  const stage = openStage(stageUri(place, process.cwd(), warehouse));
  if (!(await stage.exists())) throw new NoSuchStage(stage.uri);
  const decoder = payloadDecoder(loadDataConverter(temporal.dataConverter), { verify: false });
  const runs = new ArchivedRuns(stage, decoder, () => Promise.resolve(new Set<string>()));
  return {
    stage: stage.uri,
    list: (options = {}) => runs.page(options),
    getRun: (runId) => new Run(new ArchivedRun(stage, decoder, runId), null),
    close: () => closeServices(),
  };
}

/** The runs that only the project's stage has, and the server of `client` no longer. */
export function openForgottenRuns(
  client: Client,
  onServer: RunList,
  { stage, projectDir, warehouse }: Pick<ProjectConfig, 'stage' | 'projectDir' | 'warehouse'>,
): ArchivedRuns {
  const decoder = payloadDecoder(client.options.loadedDataConverter, { verify: false });
  return new ArchivedRuns(openStage(stageUri(stage, projectDir, warehouse)), decoder, (runIds) =>
    onServer.present(runIds),
  );
}
