import type { StagedFile } from './files';

/** The object is not the one that was recorded: its disk, or somebody, changed it. */
export class ObjectDamaged extends Error {
  override name = 'ObjectDamaged';
  readonly nonRetryable = true;
  readonly path: string;
  /** `uri`: of the stage; null: the run's. `found`: the object's size; null: not known. */
  constructor({ path, bytes }: Pick<StagedFile, 'path' | 'bytes'>, uri: string | null, found: number | null) {
    const what =
      found === null || found === bytes
        ? 'its sha256 differs'
        : `its sha256 differs; it has ${found} bytes, and ${bytes} were recorded`;
    super(
      `"${path}" on the stage${uri === null ? '' : ` ${uri}`} is not the file that the run recorded (${what}): it was changed after it was written.`,
    );
    this.path = path;
  }
}
