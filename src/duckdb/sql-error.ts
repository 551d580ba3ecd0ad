import { accessProblem, type Confinement } from './confinement';

/** A DuckDB error with its kind as the type: `BinderError`, `ConversionError`, `OutOfMemoryError`. */
export class SqlError extends Error {
  override name: string;
  /** Queries that can never succeed are not retried: the rows are the same each time. */
  readonly nonRetryable: boolean;

  constructor(kind: string, message: string) {
    super(message);
    this.name = `${kind.replaceAll(' ', '')}Error`;
    this.nonRetryable = ['Parser', 'Binder', 'Catalog', 'Conversion', 'Syntax', 'Permission'].includes(kind);
  }
}

/** Converts DuckDB's errors; others are returned as they are. `confinement` is the database's own. */
export function asSqlError(error: unknown, confinement: Confinement | null = null): unknown {
  const match =
    error instanceof Error
      ? /^(?:Failed to extract statements: )?([A-Z][A-Za-z ]*?) Error: ([\s\S]*)$/.exec(error.message)
      : null;
  if (match === null) return error;
  const [, kind, words] = match;
  return new SqlError(kind!, accessProblem(words!, confinement) ?? `${kind} error: ${words}`);
}
