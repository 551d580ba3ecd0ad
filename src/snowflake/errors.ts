/** What Snowflake or its driver reports, with the facts that a person looks for in the query history. */
import { Refusal } from '../core/refusal';

/** What is to be done about an error. */
export type Remedy =
  /** Nothing: it is the same however often it is tried. */
  | 'none'
  /** To wait: nothing answered, or the service was busy. Whether the statement was run is not known. */
  | 'wait'
  /** To connect again: the session is gone, and the statement was not run. */
  | 'reconnect';

export class SnowflakeError extends Error {
  override name = 'SnowflakeError';
  /** Snowflake's code, such as `002003`, or the driver's. */
  readonly code: string | null;
  readonly sqlState: string | null;
  readonly queryId: string | null;
  readonly remedy: Remedy;

  constructor(facts: {
    message: string;
    /** What to do about it. */
    hint: string | null;
    code: string | null;
    sqlState: string | null;
    queryId: string | null;
    remedy: Remedy;
  }) {
    const { message, hint, code, sqlState, queryId, remedy } = facts;
    const known = [
      ...(code === null ? [] : [code]),
      ...(sqlState === null ? [] : [`SQL state ${sqlState}`]),
      ...(queryId === null ? [] : [`query ${queryId}`]),
    ];
    const told = known.length === 0 ? message : `${message} (${known.join(', ')})`;
    super(hint === null ? told : `${told} ${hint}`);
    this.code = code;
    this.sqlState = sqlState;
    this.queryId = queryId;
    this.remedy = remedy;
  }

  get nonRetryable(): boolean {
    return this.remedy === 'none';
  }
}

/** What the driver throws. */
interface DriverError {
  name?: string;
  message?: string;
  code?: string | number;
  sqlState?: string;
  data?: { queryId?: string };
  cause?: { message?: string; code?: string };
  response?: { statusCode?: number };
}

/** What to do about errors of the set-up, by code. */
const HINTS: Record<string, string> = {
  '000606':
    "Name a virtual warehouse: set warehouse in the connection's section of connections.toml, or options.warehouse.loadingWarehouse (--loading-warehouse).",
  '090105':
    "Partwise keeps temporary tables and its table of commits in the connection's schema: set database and schema in its section of connections.toml.",
};

/** Codes of the driver for a session that cannot be used any more: token refused, disconnected. */
const LOST_SESSION = new Set(['401004', '405503', '407001', '407002']);
/** Tokens that are no longer accepted, as the service says it. */
const LOST_TOKENS = new Set(['390104', '390111', '390112', '390114']);
/** Lock time-out; another transaction changed the same rows. */
const BUSY = new Set(['000625', '000629']);

export function asSnowflakeError(error: unknown, queryId: string | null = null): SnowflakeError {
  if (error instanceof SnowflakeError) return error;
  const { message = String(error), code, sqlState, data } = error as DriverError;
  return new SnowflakeError({
    message: describe(error as DriverError, message),
    hint: HINTS[String(code)] ?? null,
    code: code === undefined ? null : String(code),
    sqlState: sqlState ?? null,
    queryId: data?.queryId ?? queryId,
    remedy: remedyFor(error as DriverError),
  });
}

function describe({ name, cause, response }: DriverError, message: string): string {
  if (name === 'NetworkError') return `Snowflake did not answer: ${cause?.message ?? message}`;
  if (name === 'RequestFailedError' && response?.statusCode !== undefined)
    return `Snowflake answered with HTTP ${response.statusCode}.`;
  return message.replace(/\s*\n\s*/g, ' ').trim();
}

function remedyFor({ name, code, sqlState = '', response }: DriverError): Remedy {
  const known = String(code);
  if (LOST_SESSION.has(known) || LOST_TOKENS.has(known)) return 'reconnect';
  if (name === 'NetworkError' || name === 'LargeResultSetError') return 'wait';
  if (name === 'RequestFailedError') {
    const status = response?.statusCode ?? 0;
    return status >= 500 || status === 429 || status === 408 || status === 0 ? 'wait' : 'none';
  }
  if (BUSY.has(known)) return 'wait';
  // Connection, serialization, resources, system and internal errors.
  return /^(08|40|53|58|XX)/.test(sqlState) ? 'wait' : 'none';
}

/** A role that lacks a right: Snowflake does not tell it from an object that does not exist, but for some. */
export function isForbidden(error: unknown): boolean {
  return error instanceof SnowflakeError && (error.sqlState === '42501' || error.code === '003001');
}

/** There is no such object, or the role does not see it. */
export function isUnknownObject(error: unknown): boolean {
  return error instanceof SnowflakeError && (error.code === '002003' || error.code === '002043');
}

/** The refusal that says why nothing will come of it; null when a later attempt may succeed. */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof SnowflakeError) || error.remedy !== 'none') return null;
  return new Refusal('ServiceRefused', [error.message]);
}
