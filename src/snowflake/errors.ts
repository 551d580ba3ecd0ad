/** Errors of Snowflake and its driver, with the facts that identify a statement in the query history. */
import { Refusal } from '../core/refusal';

/** What to do about an error. */
export type Remedy =
  /** Nothing: a retry would fail in the same way. */
  | 'none'
  /** Wait: there was no response, or the service was busy. It is not known whether the statement ran. */
  | 'wait'
  /** Connect again: the session was lost, and the statement did not run. */
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
    const described = known.length === 0 ? message : `${message} (${known.join(', ')})`;
    super(hint === null ? described : `${described} ${hint}`);
    this.code = code;
    this.sqlState = sqlState;
    this.queryId = queryId;
    this.remedy = remedy;
  }

  get nonRetryable(): boolean {
    return this.remedy === 'none';
  }
}

/** An error of the driver. */
interface DriverError {
  name?: string;
  message?: string;
  code?: string | number;
  sqlState?: string;
  data?: { queryId?: string };
  cause?: { message?: string; code?: string };
  response?: { statusCode?: number };
}

/** What to do about errors in the setup, by code. */
const HINTS: Record<string, string> = {
  '000606':
    "Name a virtual warehouse: set warehouse in the connection's section of connections.toml, or options.warehouse.loadingWarehouse (--loading-warehouse).",
  '090105':
    "Partwise keeps temporary tables and its table of commits in the connection's schema: set database and schema in its section of connections.toml.",
};

/** Driver codes for a session that cannot be used any more: token refused, disconnected. */
const LOST_SESSION = new Set(['401004', '405503', '407001', '407002']);
/** Service codes for tokens that are no longer accepted. */
const LOST_TOKENS = new Set(['390104', '390111', '390112', '390114']);
/** Lock timeout; another transaction changed the same rows. */
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

/** The role lacks a privilege. For most objects, Snowflake reports instead that they do not exist. */
export function isForbidden(error: unknown): boolean {
  return error instanceof SnowflakeError && (error.sqlState === '42501' || error.code === '003001');
}

/** The object does not exist, or the role may not see it. */
export function isUnknownObject(error: unknown): boolean {
  return error instanceof SnowflakeError && (error.code === '002003' || error.code === '002043');
}

/** The refusal for an error that a retry cannot fix, or null if a later attempt may succeed. */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof SnowflakeError) || error.remedy !== 'none') return null;
  return new Refusal('ServiceRefused', [error.message]);
}
