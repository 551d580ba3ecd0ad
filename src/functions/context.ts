/** `context`, the second argument of a partition function. */
import { format } from 'node:util';
import type { ArtifactCodec } from '../run/files';
import { checkArtifactName } from './artifact-name';
import { ExpectationFailed, InvalidArtifact, InvalidProgress } from './errors';
import { encodeJson } from './json';
import type { PartitionContext, Row, WarehouseConnection } from './types';
import { describe } from './describe';

/** Progress travels with every heartbeat (I7). */
const MOST_PROGRESS = 2_048;

/** What the surroundings do for a context: a runner asks its worker, a test keeps everything in memory. */
export interface ContextHost {
  upload(name: string, bytes: Uint8Array, codec: ArtifactCodec): Promise<void>;
  download(
    name: string,
    partition: string,
    run: string | null,
  ): Promise<{ bytes: Uint8Array; codec: ArtifactCodec }>;
  withConnection<T>(use: (warehouse: WarehouseConnection) => T | Promise<T>): Promise<T>;
  log(text: string): void;
  heartbeat(progress: unknown): void;
}

export interface ContextFacts<Params> {
  partitionId: string;
  key: Row;
  params: Params;
  runId: string;
  attempt: number;
  signal: AbortSignal;
  snapshotTime: Date;
  scheduledTime: Date | null;
}

export interface CallContext<Params = Record<string, unknown>> {
  context: PartitionContext<Params>;
  /** Waits for uploads that the function began and did not wait for; afterwards the context refuses to be used. */
  finish(): Promise<void>;
}

export function createContext<Params>(facts: ContextFacts<Params>, host: ContextHost): CallContext<Params> {
  const uploads = new Map<string, Promise<unknown>>();
  let ended = false;

  function assertLive(what: string): void {
    if (ended) {
      throw new Error(
        `context.${what} was called after partition "${facts.partitionId}" had ended. Await everything that the function starts.`,
      );
    }
  }

  const context: PartitionContext<Params> = {
    ...facts,
    async upload(name, value, options) {
      assertLive('upload');
      checkArtifactName(name);
      if (uploads.has(name)) {
        throw new InvalidArtifact(
          `The artifact "${name}" was uploaded twice by one call. Give each artifact a name of its own.`,
        );
      }
      const encoding = encode(name, value, options?.write);
      const stored = encoding.then(({ bytes, codec }) => host.upload(name, bytes, codec));
      // A value that cannot be encoded is the caller's to handle; one that cannot be stored fails the partition.
      uploads.set(
        name,
        encoding.then(
          () => stored,
          () => uploads.delete(name),
        ),
      );
      await stored;
    },
    async download(name, options = {}) {
      assertLive('download');
      checkArtifactName(name);
      const { bytes, codec } = await host.download(
        name,
        options.partition ?? facts.partitionId,
        options.run ?? null,
      );
      return (options.read === undefined ? decodeArtifact(bytes, codec) : await options.read(bytes)) as never;
    },
    withConnection(use) {
      assertLive('withConnection');
      return host.withConnection(use);
    },
    log(...values) {
      host.log(format(...values));
    },
    heartbeat(progress) {
      assertLive('heartbeat');
      const text = encodeJson(progress, 'The progress');
      if (text.length > MOST_PROGRESS) {
        throw new InvalidProgress(
          `The progress given to context.heartbeat is ${text.length.toLocaleString('en')} characters of JSON, and ${MOST_PROGRESS.toLocaleString('en')} are allowed. Upload what is larger.`,
        );
      }
      host.heartbeat(JSON.parse(text) as unknown);
    },
    expect,
  };
  return {
    context: Object.freeze(context),
    async finish() {
      try {
        await Promise.all(uploads.values());
      } finally {
        ended = true;
      }
    },
  };
}

function expect(condition: unknown, message: string): void {
  if (condition) return;
  const error = new ExpectationFailed(message);
  Error.captureStackTrace(error, expect);
  throw error;
}

async function encode<T>(
  name: string,
  value: T,
  write: ((value: T) => Uint8Array | string | Promise<Uint8Array | string>) | undefined,
): Promise<{ bytes: Uint8Array; codec: ArtifactCodec }> {
  if (write !== undefined) {
    const written: unknown = await write(value);
    if (typeof written === 'string') return { bytes: Buffer.from(written), codec: 'custom' };
    if (written instanceof Uint8Array) return { bytes: written, codec: 'custom' };
    throw new InvalidArtifact(
      `The write function of artifact "${name}" returned ${describe(written)}. Return a string or a Uint8Array.`,
    );
  }
  if (typeof value === 'string') return { bytes: Buffer.from(value), codec: 'text' };
  if (value instanceof Uint8Array) return { bytes: value, codec: 'bytes' };
  // With a line feed at the end, as text files have.
  return { bytes: Buffer.from(`${encodeJson(value, `The artifact "${name}"`, 2)}\n`), codec: 'json' };
}

/** An artifact's value from its bytes; what another `write` made stays bytes. */
export function decodeArtifact(bytes: Uint8Array, codec: ArtifactCodec): unknown {
  switch (codec) {
    case 'json':
      return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
    case 'text':
      return Buffer.from(bytes).toString('utf8');
    default:
      return bytes;
  }
}
