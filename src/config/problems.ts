/** The configuration is invalid. `problems` contains every problem, each as a sentence. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(
    /** Where the settings come from: a file's path, or `the environment and flags`. */
    readonly place: string,
    readonly problems: readonly string[],
  ) {
    super(
      `The configuration in ${place} cannot be used:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
    );
  }
}
