/**
 * Checks that a folder is still the stage that a run was planned on: another disk may be mounted there, or
 * none.
 */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StageUnavailable } from '../stage';
import { TOKEN_FILE } from '../token';

export class SameStage {
  readonly #file: string;
  /** The token file's identity in the file system when it was last read. */
  #seen: string | null = null;

  constructor(
    private readonly uri: string,
    root: string,
    private readonly token: string,
  ) {
    this.#file = join(root, TOKEN_FILE);
  }

  /**
   * Throws `StageUnavailable` unless it is. Usually costs one `stat`: the token is read only if its file has
   * changed.
   */
  async check(): Promise<void> {
    let found: string | null = null;
    try {
      const { dev, ino, mtimeNs, size } = await stat(this.#file, { bigint: true });
      found = `${dev} ${ino} ${mtimeNs} ${size}`;
      if (found === this.#seen) return;
      if ((await readFile(this.#file, 'utf8')).trim() === this.token) {
        this.#seen = found;
        return;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    throw new StageUnavailable(
      found === null
        ? `The stage ${this.uri} is unavailable: its folder is missing, or something else is mounted there. Mount it, or move it back; the run then continues automatically.`
        : `The folder of the stage ${this.uri} holds a different stage from the one that the run was planned on. Mount the right one; the run then continues automatically.`,
    );
  }
}
