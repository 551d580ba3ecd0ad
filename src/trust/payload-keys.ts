/** The keys that encrypt a project's payloads, taken from the environment or from commands. */
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { promisify } from 'node:util';

/** Where a key comes from: an environment variable, or what a command prints. */
export type KeySource = { id: string } & ({ env: string } | { command: string });

const KEY_BYTES = 32;
const COMMAND_WITHIN_MS = 30_000;

/** A key that is needed is not there, or is not a key. The message has nothing of it. */
export class KeyUnavailable extends Error {
  override name = 'KeyUnavailable';
}

export interface PayloadKey {
  id: string;
  /** 32 bytes. */
  bytes: Buffer;
}

/** The first source has the key that encrypts; the others decrypt what earlier keys encrypted. */
export class PayloadKeys {
  readonly #taken = new Map<string, Promise<PayloadKey>>();

  readonly #sources: readonly KeySource[];
  /** Private to the language too: a configuration may be printed. */
  readonly #env: NodeJS.ProcessEnv;

  constructor(sources: readonly KeySource[], env: NodeJS.ProcessEnv) {
    this.#sources = sources;
    this.#env = env;
  }

  /** Whether nothing is encrypted. */
  get isEmpty(): boolean {
    return this.#sources.length === 0;
  }

  /** Whether these come from the same places, which have the same in them. */
  isSameAs(other: PayloadKeys): boolean {
    return this.#places() === other.#places();
  }

  #places(): string {
    return JSON.stringify(
      this.#sources.map((source) => [source, 'env' in source ? this.#env[source.env] : null]),
    );
  }

  /** Takes all keys. Throws `KeyUnavailable` with every problem. */
  async check(): Promise<void> {
    const results = await Promise.allSettled(this.#sources.map((source) => this.#take(source)));
    const problems = results.flatMap((result) =>
      result.status === 'rejected' ? [(result.reason as Error).message] : [],
    );
    if (problems.length > 0) throw new KeyUnavailable(problems.join('\n'));
  }

  /** The key that encrypts. There must be one. */
  current(): Promise<PayloadKey> {
    return this.#take(this.#sources[0]!);
  }

  /** Throws `KeyUnavailable` if there is no such key. */
  named(id: string): Promise<PayloadKey> {
    const source = this.#sources.find((candidate) => candidate.id === id);
    return source === undefined ? Promise.reject(noSuchKey(id, this.#sources)) : this.#take(source);
  }

  /** A secret of 32 hexadecimal digits that follows from the current key, and says nothing about it. */
  async derived(purpose: string): Promise<string> {
    const { bytes } = await this.current();
    return createHmac('sha256', bytes).update(purpose).digest('hex').slice(0, 32);
  }

  #take(source: KeySource): Promise<PayloadKey> {
    const taken = this.#taken.get(source.id) ?? takeKey(source, this.#env);
    this.#taken.set(source.id, taken);
    // What is missing now may be there the next time.
    taken.catch(() => this.#taken.delete(source.id));
    return taken;
  }
}

async function takeKey(source: KeySource, env: NodeJS.ProcessEnv): Promise<PayloadKey> {
  const { id } = source;
  const text = 'env' in source ? fromEnvironment(id, source.env, env) : await fromCommand(id, source.command);
  const bytes = keyIn(text.trim());
  if (bytes !== null) return { id, bytes };
  const where = 'env' in source ? `The variable ${source.env}` : `What the command of the key "${id}" prints`;
  throw new KeyUnavailable(
    `${where} is not a key: it takes ${KEY_BYTES} bytes in base64 or as ${KEY_BYTES * 2} hexadecimal digits. \`openssl rand -base64 ${KEY_BYTES}\` makes one.`,
  );
}

function fromEnvironment(id: string, name: string, env: NodeJS.ProcessEnv): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw new KeyUnavailable(
    `The key "${id}" of temporal.encryption is missing: the environment variable ${name} is not set. Set it to the key, in base64.`,
  );
}

async function fromCommand(id: string, command: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { timeout: COMMAND_WITHIN_MS });
    return stdout;
  } catch (error) {
    const { code, killed, stderr = '' } = error as { code?: number; killed?: boolean; stderr?: string };
    const [line = ''] = stderr.trim().split('\n');
    const how =
      killed === true ? `did not end within ${COMMAND_WITHIN_MS / 1_000} s` : `failed with exit code ${code}`;
    throw new KeyUnavailable(
      `The key "${id}" of temporal.encryption is missing: its command ${how}${line === '' ? '' : `, and printed: ${line.slice(0, 200)}`}. Run it by hand: ${command}`,
    );
  }
}

function keyIn(text: string): Buffer | null {
  const isHex = /^[\da-f]{64}$/i.test(text);
  if (!isHex && !/^[\w+/-]{43}=?$/.test(text)) return null;
  return Buffer.from(text, isHex ? 'hex' : 'base64');
}

/** `sources` are those that are configured. */
export function noSuchKey(id: string, sources: readonly Pick<KeySource, 'id'>[]): KeyUnavailable {
  const known = sources.map((source) => `"${source.id}"`).join(', ');
  return new KeyUnavailable(
    sources.length === 0
      ? `This is encrypted with the key "${id}", and the project has no keys. Add the key to temporal.encryption in the configuration.`
      : `This is encrypted with the key "${id}", and the project has only ${known}. Add that key to temporal.encryption.keys in the configuration, after the first.`,
  );
}
