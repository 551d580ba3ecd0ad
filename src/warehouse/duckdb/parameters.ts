/** The parameters of a source query: bound, never pasted. */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { Refusal } from '../../core/refusal';
import type { SourceRequest } from '../warehouse';

export type Parameters = Record<string, DuckDBValue>;

/**
 * Values for the parameters of a statement over the source, by their names in it, or undefined if it has
 * none. Refuses parameters without a value.
 */
export async function parametersOf(
  connection: DuckDBConnection,
  statement: string,
  request: SourceRequest,
): Promise<Parameters | undefined> {
  // Preparing the statement accesses the source again, which means reading the whole of a large CSV file.
  if (!statement.includes('$')) return undefined;
  const known = await knownValues(request);
  const parameters: Parameters = {};
  const unscheduled: string[] = [];
  const unknown: string[] = [];
  for (const name of await namesIn(connection, statement)) {
    const value = known.get(name.toLowerCase());
    if (value === undefined) unknown.push(`$${name}`);
    else if (value === null) unscheduled.push(`$${name}`);
    else parameters[name] = value;
  }
  const problems: string[] = [];
  const place = placeOf(request);
  if (unknown.length > 0) {
    const offered = [...known.keys()].map((name) => `$${name}`);
    problems.push(`${place} uses ${list(unknown)}, which has no value. It can use ${list(offered)}.`);
  }
  if (unscheduled.length > 0) {
    problems.push(
      `${place} uses ${list(unscheduled)}, but this run has no scheduled time: ` +
        'set one with --scheduled-time ("scheduledTime"), such as 2026-11-01, or start the run from a schedule.',
    );
  }
  if (problems.length > 0) throw new Refusal('InvalidInput', problems);
  return Object.keys(parameters).length === 0 ? undefined : parameters;
}

/** A value is null if the parameter exists but this run has no value for it. */
async function knownValues({ scheduled }: SourceRequest): Promise<ReadonlyMap<string, DuckDBValue>> {
  if (scheduled === null)
    return new Map([
      ['scheduled_time', null],
      ['scheduled_date', null],
    ]);
  const { DuckDBDateValue, DuckDBTimestampValue } = await import('@duckdb/node-api');
  const day = Date.parse(scheduled.date) / 86_400_000;
  const microseconds = BigInt(Date.parse(scheduled.time)) * 1000n;
  return new Map<string, DuckDBValue>([
    ['scheduled_time', new DuckDBTimestampValue(microseconds)],
    ['scheduled_date', new DuckDBDateValue(day)],
  ]);
}

async function namesIn(connection: DuckDBConnection, statement: string): Promise<string[]> {
  const prepared = await connection.prepare(statement);
  try {
    return Array.from({ length: prepared.parameterCount }, (_, i) => prepared.parameterName(i + 1));
  } finally {
    prepared.destroySync();
  }
}

/** Where the parameter may be, as the beginning of a sentence. */
function placeOf({ source, where }: SourceRequest): string {
  if (where === null) return 'The query';
  return 'query' in source ? `The query, or the condition "${where}",` : `The condition "${where}"`;
}

function list(names: readonly string[]): string {
  return names.join(' and ');
}
