/** The parameters of a source query, `$scheduled_time` and `$scheduled_date`, which are bound in place. */
import { Refusal } from '../../core/refusal';
import type { Scheduled } from '../warehouse';

/** A statement, and the values of its `?` in order. */
export interface BoundSql {
  sql: string;
  binds: string[];
}

/**
 * Parts of Snowflake's SQL in which parameters are not recognized (strings, names, comments), and parameters.
 */
const TOKEN = new RegExp(
  [
    "'(?:[^'\\\\]|''|\\\\.)*'",
    '"(?:[^"]|"")*"',
    '\\$\\$[\\s\\S]*?\\$\\$',
    '--[^\\n]*',
    '//[^\\n]*',
    '/\\*[\\s\\S]*?\\*/',
    '\\$(scheduled_(?:time|date))\\b',
  ].join('|'),
  'gi',
);

/**
 * Binds parameters in the user's SQL; any other `$name` is left to Snowflake, where it is a session variable.
 * `place` names the SQL, as the beginning of a sentence. Throws a `Refusal` if the run has no scheduled time.
 */
export function bindParameters(text: string, scheduled: Scheduled | null, place: string): BoundSql {
  const binds: string[] = [];
  const missing = new Set<string>();
  const sql = text.replace(TOKEN, (token, name: string | undefined) => {
    if (name === undefined) return token;
    if (scheduled === null) {
      missing.add(token);
      return token;
    }
    const isDate = name.toLowerCase() === 'scheduled_date';
    binds.push(isDate ? scheduled.date : scheduled.time.replace('T', ' ').replace('Z', ''));
    return isDate ? 'TO_DATE(?)' : 'TO_TIMESTAMP_NTZ(?)';
  });
  if (missing.size > 0) {
    throw new Refusal('InvalidInput', [
      `${place} uses ${[...missing].join(' and ')}, but this run has no scheduled time: ` +
        'set one with --scheduled-time ("scheduledTime"), such as 2026-11-01, or start the run from a schedule.',
    ]);
  }
  return { sql, binds };
}
