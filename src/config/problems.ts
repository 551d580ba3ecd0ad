/** The configuration is invalid. `problems` contains every problem, each as a sentence. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(
    /** The configuration's path; null for settings from flags and the environment. */
    readonly place: string | null,
    readonly problems: readonly string[],
  ) {
    const list = problems.map((problem) => `- ${problem}`).join('\n');
    super(
      place !== null
        ? `The configuration in ${place} cannot be used:\n${list}`
        : problems.length === 1
          ? problems[0]
          : `Flags and environment variables cannot be used:\n${list}`,
    );
  }
}
