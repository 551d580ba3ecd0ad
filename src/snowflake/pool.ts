/**
 * A limited number of sessions of one connection. A session is tested before it is lent, unless it has just
 * worked; a lost one is replaced. Logins are serialized, so that a browser opens only once.
 */
import { Refusal } from '../core/refusal';
import { connectionOptions } from './connection-options';
import { loadDriver } from './driver';
import { asSnowflakeError, SnowflakeError } from './errors';
import { Session, type Result, type StatementOptions } from './session';

/** Sessions of one connection in this process: enough for a worker's transfers, but few for an account. */
const MAX_SESSIONS = 8;
/** A session that worked this recently is not tested. */
const TRUSTED_MS = 2_000;
/** Sessions that have been idle for this long are closed. */
const IDLE_MS = 60_000;
/**
 * Longest wait for a response. The service responds within 45 s, even if only to say that a statement is
 * still running.
 */
const ANSWER_MS = 60_000;

export class SessionPool {
  #idle: Session[] = [];
  #open = 0;
  readonly #waiting: (() => void)[] = [];
  #loggingIn: Promise<unknown> = Promise.resolve();
  #sweeper: NodeJS.Timeout | null = null;

  /** `warehouse` is the virtual warehouse, or null for the connection's own. */
  constructor(
    readonly connection: string,
    readonly warehouse: string | null,
  ) {}

  /** Lends a session while `work` runs. Waits if all are lent. */
  async lend<T>(work: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const session = await this.#borrow(signal);
    try {
      return await work(session);
    } finally {
      this.#giveBack(session);
    }
  }

  /** Runs one statement in any session. */
  run(sql: string, options: StatementOptions = {}): Promise<Result> {
    return this.lendFor((session) => session.run(sql, options), options.signal);
  }

  /** `lend` for work of one statement, which is repeated in another session if the first one was lost. */
  async lendFor<T>(work: (session: Session) => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await this.lend(work, signal);
    } catch (error) {
      // The session was lost before the statement started.
      if (error instanceof SnowflakeError && error.remedy === 'reconnect') return this.lend(work, signal);
      throw error;
    }
  }

  /** Closes the sessions that are not lent. */
  async close(): Promise<void> {
    const idle = this.#idle;
    this.#idle = [];
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    this.#sweeper = null;
    await Promise.all(idle.map((session) => this.#discard(session)));
  }

  async #borrow(signal?: AbortSignal): Promise<Session> {
    for (;;) {
      signal?.throwIfAborted();
      const session = this.#idle.pop();
      if (session !== undefined) {
        if (Date.now() - session.verifiedAt < TRUSTED_MS || (await isValid(session))) return session;
        void this.#discard(session);
      } else if (this.#open < MAX_SESSIONS) {
        return this.#connect();
      } else {
        await this.#place(signal);
      }
    }
  }

  async #connect(): Promise<Session> {
    this.#open++;
    const before = this.#loggingIn;
    const session = before.then(() => logIn(this.connection, this.warehouse));
    this.#loggingIn = session.catch(() => {});
    try {
      return await session;
    } catch (error) {
      this.#open--;
      this.#waiting.shift()?.();
      throw error;
    }
  }

  #giveBack(session: Session): void {
    if (session.broken) {
      void this.#discard(session);
      // The others may be broken for the same reason, so they are tested.
      for (const other of this.#idle) other.verifiedAt = 0;
    } else {
      this.#idle.push(session);
      this.#sweeper ??= setInterval(() => this.#sweep(), IDLE_MS).unref();
    }
    this.#waiting.shift()?.();
  }

  /** Callers need not wait for the session to be closed: the service may not respond. */
  #discard(session: Session): Promise<void> {
    this.#open--;
    return session.close();
  }

  #sweep(): void {
    const before = Date.now() - IDLE_MS;
    const old = this.#idle.filter(({ verifiedAt }) => verifiedAt < before);
    this.#idle = this.#idle.filter(({ verifiedAt }) => verifiedAt >= before);
    for (const session of old) void this.#discard(session);
    if (this.#open > 0 || this.#sweeper === null) return;
    clearInterval(this.#sweeper);
    this.#sweeper = null;
  }

  #place(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const take = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(signal!.reason as Error);
      };
      this.#waiting.push(take);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}

async function isValid(session: Session): Promise<boolean> {
  const valid = await session.isValid().catch(() => false);
  if (valid) session.verifiedAt = Date.now();
  return valid;
}

async function logIn(name: string, warehouse: string | null): Promise<Session> {
  const options = connectionOptions(name);
  try {
    const connection = loadDriver().createConnection({
      ...options,
      ...(warehouse !== null && { warehouse }),
      application: 'partwise',
      timeout: ANSWER_MS,
      sfRetryMaxLoginRetries: 1,
      // Global to the process, and the last connection's value applies: "NULL" must be an ordinary string.
      representNullAsStringNull: false,
    });
    // Not `connectAsync`, which resolves when a login is refused.
    await new Promise<void>((resolve, reject) => {
      connection.connect((error) => (error ? reject(error) : resolve()));
    });
    return new Session(connection);
  } catch (error) {
    const explained = asSnowflakeError(error);
    const message = `Snowflake connection "${name}": ${explained.message}`;
    // Retrying a refused login does not help.
    if (explained.remedy !== 'wait') throw new Refusal('ServiceRefused', [message]);
    throw explained;
  }
}
