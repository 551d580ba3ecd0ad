/** What readers report once `clean` has removed a run's files: its history is still there. */
import type { FileRef, StagedFile } from '../core/files';
import { ObjectMissing, type Stage } from '../stage';
import { generationFolder } from '../stored/layout';

interface Generation {
  runId: string;
  generation: number;
}

/** A file is missing because all files of its run were removed. */
export class RunFilesRemoved extends ObjectMissing {
  override name = 'RunFilesRemoved';
  constructor(path: string, runId: string) {
    super(path);
    this.message =
      `The files of the run "${runId}" were deleted from the stage (partwise clean does that), so its rows, artifacts and logs are gone; ` +
      'only what its history records can still be read. To run this id again on new rows, use --on-existing overwrite.';
  }
}

/** Throws `RunFilesRemoved` if nothing is left of the run's snapshot and outputs. */
export async function refuseRemoved(stage: Stage, run: Generation): Promise<void> {
  const folder = generationFolder(run);
  if ((await stage.list(folder)).length === 0) throw new RunFilesRemoved(folder, run.runId);
}

/** The stage of a run, on which the reason is given for a file that is missing. */
export class StageOfRun implements Stage {
  readonly uri: string;
  readonly isLocal: boolean;

  constructor(
    private readonly stage: Stage,
    private readonly run: Generation,
  ) {
    this.uri = stage.uri;
    this.isLocal = stage.isLocal;
  }

  get(path: string, range?: { offset: number; bytes: number }): Promise<Uint8Array> {
    return this.#explained(() => this.stage.get(path, range));
  }

  read(ref: FileRef & { offset?: number }): Promise<Uint8Array> {
    return this.#explained(() => this.stage.read(ref));
  }

  localFile(ref: StagedFile, folder?: string): Promise<string> {
    return this.#explained(() => this.stage.localFile(ref, folder));
  }

  localFiles(refs: readonly StagedFile[], folder: string): Promise<string[]> {
    return this.#explained(() => this.stage.localFiles(refs, folder));
  }

  token: Stage['token'] = (options) => this.stage.token(options);
  put: Stage['put'] = (path, content) => this.stage.put(path, content);
  list: Stage['list'] = (prefix) => this.stage.list(prefix);
  exists: Stage['exists'] = () => this.stage.exists();
  folders: Stage['folders'] = () => this.stage.folders();
  remove: Stage['remove'] = (path) => this.stage.remove(path);
  clearUnfinished: Stage['clearUnfinished'] = (before, dryRun) => this.stage.clearUnfinished(before, dryRun);

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ObjectMissing) await refuseRemoved(this.stage, this.run);
      throw error;
    }
  }
}
