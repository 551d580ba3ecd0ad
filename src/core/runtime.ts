/** What a function in Python runs on. */
export interface Runtime {
  /** Version of Python, such as `3.11.7`. */
  python: string;
  /** Versions of pyarrow, pandas and numpy, as far as they are installed. */
  packages: Record<string, string>;
}

export function isSameRuntime(a: Runtime, b: Runtime): boolean {
  return runtimeText(a) === runtimeText(b);
}

/** `Python 3.11.7, numpy 2.4.1, pandas 3.1.1, pyarrow 26.0.0` */
export function runtimeText({ python, packages }: Runtime): string {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return [`Python ${python}`, ...versions.sort()].join(', ');
}
