/** The parameters of a source query: `$scheduled_time` and `$scheduled_date`, bound where they stand. */
import { Refusal } from '../../core/refusal';
import type { Scheduled } from '../warehouse';

/** A statement, and what is bound to its `?`, in order. */
export interface BoundSql {
  sql: string;
  binds: string[];
}

/**
 * What Snowflake's SQL may hold beside code: texts, names, comments; and parameters, which are none of these.
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
 * Binds parameters in a text of the user's; any other `$name` is left to Snowflake, where it is a variable of
 * the session. `place`: where the text stands, as the beginning of a sentence. Throws a `Refusal` when the
 * run has no scheduled time.
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
