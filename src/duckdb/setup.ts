/**
 * SQL of the configuration (`duckdb.setup`) that prepares the DuckDB in which sources are read: extensions,
 * secrets, attached databases. Values of the environment that it uses are kept out of messages (I11).
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { Refusal } from '../core/refusal';

/** `${NAME}` in a statement: the value of this environment variable, for use in a string literal. */
const VARIABLE = /\$\{([A-Za-z_]\w*)\}/g;
/** What a password in a connection string or a URL looks like, if the statement itself contains it. */
const PASSWORDS: readonly [RegExp, string][] = [
  [/\b(password|passwd|pwd|secret|token|\w*_key)(\s*[=:]\s*)('[^']*'|"[^"]*"|[^\s'",;&)]+)/gi, '$1$2…'],
  [/(:\/\/[^\s:/@]*:)[^\s@]+@/g, '$1…@'],
];

const prepared = new WeakSet<DuckDBConnection>();

/** Whether a setup was run on the connection, so that its database has something to hide. */
export function isPrepared(connection: DuckDBConnection): boolean {
  return prepared.has(connection);
}

export class DuckDbSetup {
  /** Values to hide, and what to show instead; the longest first, since one may contain another. */
  readonly #hidden: readonly (readonly [value: string, name: string])[];

  constructor(
    private readonly statements: readonly string[],
    private readonly env: NodeJS.ProcessEnv,
  ) {
    const names = new Set(statements.flatMap((sql) => [...sql.matchAll(VARIABLE)].map(([, name]) => name!)));
    this.#hidden = [...names]
      .flatMap((name) => {
        const value = env[name] ?? '';
        return [value, inLiteral(value)].map((form) => [form, `\${${name}}`] as const);
      })
      .filter(([value]) => value !== '')
      .sort(([a], [b]) => b.length - a.length);
  }

  /** Throws a `Refusal` for a statement that cannot be run. */
  async run(connection: DuckDBConnection): Promise<void> {
    prepared.add(connection);
    for (const [i, statement] of this.statements.entries()) {
      const place = `Statement ${i + 1} of duckdb.setup in the configuration`;
      const sql = statement.replace(VARIABLE, (_, name: string) => {
        const value = this.env[name];
        if (value !== undefined) return inLiteral(value);
        throw new Refusal('InvalidInput', [
          `${place} uses the environment variable ${name}, which is not set in the process that reads the source: set it where the worker is started.`,
        ]);
      });
      try {
        await connection.run(sql);
      } catch (error) {
        // Without DuckDB's excerpt of the statement.
        const [problem] = (error instanceof Error ? error.message : String(error)).split('\n\n');
        throw new Refusal('InvalidInput', [`${place} failed: ${this.withoutSecrets(problem!)}`]);
      }
    }
  }

  /** The error of work in the database, without the values that the setup took from the environment. */
  hiding(error: unknown): unknown {
    if (error instanceof Refusal)
      return new Refusal(
        error.type,
        error.problems.map((problem) => this.withoutSecrets(problem)),
      );
    if (!(error instanceof Error)) return error;
    error.message = this.withoutSecrets(error.message);
    error.stack = error.stack && this.withoutSecrets(error.stack);
    return error;
  }

  private withoutSecrets(text: string): string {
    // enforces I11: messages are recorded, logged and printed.
    const without = this.#hidden.reduce((all, [value, name]) => all.replaceAll(value, name), text);
    return PASSWORDS.reduce((all, [pattern, shown]) => all.replace(pattern, shown), without);
  }
}

function inLiteral(value: string): string {
  return value.replaceAll("'", "''");
}
