/** `context`, the second argument of a partition function. */
import { format } from 'node:util';
import type { ArtifactCodec } from '../core/files';
import { decodeArtifact, encodeArtifact } from './artifact-codec';
import { checkArtifactName } from './artifact-name';
import { ExpectationFailed, InvalidArtifact, InvalidProgress } from './errors';
import { encodeJson } from '../core/json';
import type { ArtifactReader, ArtifactWriter, PartitionContext, WarehouseConnection } from './types';
import type { Row } from '../core/row';
import type { ModelInput } from '../core/input';
import type { ModelSerde, ModelHost } from './model-hooks';
import { MODEL_HOST } from './model-hooks';

/** In characters: every heartbeat includes the progress (I7). */
const MAX_PROGRESS = 2_048;

/** What a context is backed by: in a runner, requests to its worker; in a test, memory. */
export interface ContextHost {
  /** A folder that is removed with the call's process, however that ends. */
  readonly scratch: string;
  upload(name: string, bytes: Uint8Array, codec: ArtifactCodec): Promise<void>;
  download(
    name: string,
    partition: string,
    run: string | null,
  ): Promise<{ bytes: Uint8Array; codec: ArtifactCodec }>;
  withConnection<T>(use: (warehouse: WarehouseConnection) => T | Promise<T>): Promise<T>;
  /** A partition's model, decoded, or null if it has none. */
  model<Model>(partition: string, serde: ModelSerde<Model>): Promise<Model | null>;
  log(text: string): void;
  heartbeat(progress: unknown): void;
}

/** The data of a call's context. Parts that few functions use are created on first access. */
export interface ContextFacts<Params> {
  partitionId: string;
  key: Row;
  runId: string;
  attempt: number;
  snapshotTime: Date;
  scheduledTime: Date | null;
  scheduledDate: string | null;
  /** The run's settings for models. */
  model: ModelInput;
  params(): Params;
  signal(): AbortSignal;
}

/** A call's context, and how to end it. */
export interface CallContext<Params = Record<string, unknown>> {
  context: PartitionContext<Params>;
  /**
   * Waits for uploads that the function started but did not await; afterwards the context throws on any use.
   */
  finish(): Promise<void>;
}

export function createContext<Params>(facts: ContextFacts<Params>, host: ContextHost): CallContext<Params> {
  const call = new Call(facts.partitionId, host);
  return { context: Object.freeze(new Context(facts, call)), finish: () => call.finish() };
}

/** The uploads that a call has started, and whether the call has ended. */
class Call {
  readonly #uploads = new Map<string, Promise<unknown>>();
  #ended = false;

  constructor(
    private readonly partitionId: string,
    readonly host: ContextHost,
  ) {}

  assertLive(what: string): void {
    if (this.#ended) {
      throw new Error(
        `context.${what} was called after partition "${this.partitionId}" had ended. Await everything that the function starts.`,
      );
    }
  }

  async upload<T>(name: string, value: T, write: ArtifactWriter<T> | undefined): Promise<void> {
    this.assertLive('upload');
    checkArtifactName(name);
    if (this.#uploads.has(name)) {
      throw new InvalidArtifact(
        `The artifact "${name}" was uploaded twice in one call. Give each artifact a unique name.`,
      );
    }
    const encoding = encodeArtifact(name, value, write, this.host.scratch);
    const stored = encoding.then(({ bytes, codec }) => this.host.upload(name, bytes, codec));
    // If a value cannot be encoded, the caller may handle the error; if it cannot be stored, the partition
    // fails.
    this.#uploads.set(
      name,
      encoding.then(
        () => stored,
        () => this.#uploads.delete(name),
      ),
    );
    await stored;
  }

  async download<T>(
    name: string,
    partition: string,
    { run = null, read }: { run?: string | null; read?: ArtifactReader<T> },
  ): Promise<T> {
    this.assertLive('download');
    checkArtifactName(name);
    const { bytes, codec } = await this.host.download(name, partition, run);
    return (
      read === undefined ? await decodeArtifact(bytes, codec, this.host.scratch) : await read(bytes)
    ) as T;
  }

  heartbeat(progress: unknown): void {
    this.assertLive('heartbeat');
    const text = encodeJson(progress, 'The progress');
    if (text.length > MAX_PROGRESS) {
      throw new InvalidProgress(
        `The progress given to context.heartbeat is ${text.length.toLocaleString('en')} characters of JSON; at most ${MAX_PROGRESS.toLocaleString('en')} are allowed. Upload anything larger as an artifact.`,
      );
    }
    this.host.heartbeat(JSON.parse(text) as unknown);
  }

  async finish(): Promise<void> {
    try {
      if (this.#uploads.size > 0) await Promise.all(this.#uploads.values());
    } finally {
      this.#ended = true;
    }
  }
}

/**
 * Methods are getters, so that they work when destructured: `const { upload } = context`. They are created
 * only when used.
 */
class Context<Params> implements PartitionContext<Params> {
  readonly partitionId: string;
  readonly key: Row;
  readonly runId: string;
  readonly attempt: number;
  readonly snapshotTime: Date;
  readonly scheduledTime: Date | null;
  readonly scheduledDate: string | null;
  readonly #facts: ContextFacts<Params>;
  readonly #call: Call;
  #params: Params | null = null;

  constructor(facts: ContextFacts<Params>, call: Call) {
    this.partitionId = facts.partitionId;
    this.key = facts.key;
    this.runId = facts.runId;
    this.attempt = facts.attempt;
    this.snapshotTime = facts.snapshotTime;
    this.scheduledTime = facts.scheduledTime;
    this.scheduledDate = facts.scheduledDate;
    this.#facts = facts;
    this.#call = call;
  }

  get params(): Params {
    return (this.#params ??= this.#facts.params());
  }

  get signal(): AbortSignal {
    return this.#facts.signal();
  }

  get [MODEL_HOST](): ModelHost {
    return {
      settings: this.#facts.model,
      load: (partition, serde) => this.#call.host.model(partition, serde),
    };
  }

  get upload(): PartitionContext['upload'] {
    return (name, value, options) => this.#call.upload(name, value, options?.write);
  }

  get download(): PartitionContext['download'] {
    return (name, { partition = this.partitionId, ...options } = {}) =>
      this.#call.download(name, partition, options);
  }

  get withConnection(): PartitionContext['withConnection'] {
    return (use) => {
      this.#call.assertLive('withConnection');
      return this.#call.host.withConnection(use);
    };
  }

  get log(): PartitionContext['log'] {
    return (...values) => this.#call.host.log(format(...values));
  }

  get heartbeat(): PartitionContext['heartbeat'] {
    return (progress) => this.#call.heartbeat(progress);
  }

  get expect(): PartitionContext['expect'] {
    return expect;
  }
}

function expect(condition: unknown, message: string): void {
  if (condition) return;
  const error = new ExpectationFailed(message);
  Error.captureStackTrace(error, expect);
  throw error;
}
