/** Access to a bucket's objects by key: with one request each, or one for each part. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  UploadPartCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  type ListPartsCommandInput,
  type MultipartUpload,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { allOf } from '../../core/all-of';
import { atMost } from '../../core/at-most';
import { Refusal } from '../../core/refusal';
import { s3Access } from './client';
import { explained, statusOf } from './errors';
import { s3Uri, type S3Location } from './location';

const MIB = 1024 * 1024;
/** Objects up to this size take one request. */
const PART_BYTES = 8 * MIB;
/** S3's own limit. */
const MAX_PARTS = 10_000;
/** Concurrent parts of one object, each in memory. */
const PARTS_AT_ONCE = 4;
/** The SDK retries requests without a response, but not a response that breaks off. */
const MAX_READS = 3;
/** Key of the object's metadata that identifies its writer, for when a response is lost. */
const WRITER = 'partwise-writer';

/** The object has another version than the one that was asked for. */
export class OtherVersion extends Error {}

/** An upload in parts that was neither completed nor aborted. */
export interface UnfinishedUpload {
  key: string;
  uploadId: string;
  bytes: number;
}

type Condition = Pick<PutObjectCommandInput, 'IfNoneMatch'>;

/** Returns a range of the content to write. */
export type ReadPart = (offset: number, bytes: number) => Promise<Uint8Array>;

export class S3Objects {
  readonly #uri: string;

  constructor(private readonly location: S3Location) {
    this.#uri = s3Uri(location);
  }

  /** Whether the store is AWS itself, which supports conditional writes; not all others do. */
  async isAws(): Promise<boolean> {
    return (await s3Access()).endpoint === null;
  }

  /** Returns the object's writer, an empty string if it is unknown, or null if there is no object. */
  async writer(key: string): Promise<string | null> {
    try {
      const { Metadata } = await this.#ask(key, (client) =>
        client.send(new HeadObjectCommand(this.#at(key))),
      );
      return Metadata?.[WRITER] ?? '';
    } catch (error) {
      if (statusOf((error as Error).cause ?? error) === 404) return null;
      throw error;
    }
  }

  /**
   * Returns up to `bytes` bytes from `offset` and the size of the whole object, or null if it does not exist.
   * With `version`, throws `OtherVersion` if it is not the object's.
   */
  async read(
    key: string,
    offset: number,
    bytes: number,
    version?: string,
  ): Promise<{ content: Uint8Array; whole: number } | null> {
    const Range = `bytes=${offset}-${offset + Math.max(bytes, 1) - 1}`;
    try {
      return await this.#ask(key, async (client) => {
        for (let reads = 1; ; reads++) {
          const command = { ...this.#at(key), Range, IfMatch: version };
          const { Body, ContentRange } = await client.send(new GetObjectCommand(command));
          try {
            const content = await Body!.transformToByteArray();
            const whole = ContentRange === undefined ? content.length : Number(ContentRange.split('/')[1]);
            return { content: content.subarray(0, bytes), whole };
          } catch (error) {
            if (reads === MAX_READS) throw error;
          }
        }
      });
    } catch (error) {
      const { name } = ((error as Error).cause ?? error) as Error;
      if (name === 'NoSuchKey') return null;
      if (name === 'InvalidRange') return { content: new Uint8Array(), whole: offset };
      if (version !== undefined && statusOf((error as Error).cause) === 412) throw new OtherVersion();
      throw error;
    }
  }

  /**
   * Calls `write` with every part of the object, in any order; with `from`, only with those after so many
   * bytes. Returns false if the object does not exist or has been removed meanwhile.
   */
  async readParts(
    key: string,
    write: (content: Uint8Array, offset: number) => Promise<unknown>,
    { from = 0, version }: { from?: number; version?: string } = {},
  ): Promise<boolean> {
    const first = await this.read(key, from, PART_BYTES, version);
    if (first === null) return false;
    await write(first.content, from);
    const parts = Math.ceil((first.whole - from) / PART_BYTES);
    let exists = true;
    await this.#eachPart(1, parts, async (part) => {
      const offset = from + part * PART_BYTES;
      const next = await this.read(key, offset, PART_BYTES, version);
      if (next === null) exists = false;
      else await write(next.content, offset);
    });
    return exists;
  }

  /** Writes the object if it does not exist. Returns false if another writer's object exists. */
  async write(key: string, bytes: number, readPart: ReadPart, writer: string): Promise<boolean> {
    const put = async (condition: Condition): Promise<void> => {
      if (bytes > PART_BYTES) await this.#writeParts(key, bytes, readPart, writer, condition);
      else await this.#writeWhole(key, await readPart(0, bytes), writer, condition);
    };
    try {
      await put({ IfNoneMatch: '*' });
      return true;
    } catch (error) {
      const status = statusOf((error as Error).cause) ?? 0;
      // If the response was lost, the SDK may have repeated a write that had succeeded.
      if (![404, 409, 412].includes(status)) throw error;
      const found = await this.writer(key);
      if (found !== null) return found === writer;
      if (status !== 412 || (await this.isAws())) throw error;
      // To versitygw, what a removed object leaves in a versioned bucket is an object.
      await put({});
      return true;
    }
  }

  async #writeWhole(key: string, Body: Uint8Array, writer: string, condition: Condition): Promise<void> {
    const command = { ...this.#at(key), ...condition, Body, Metadata: { [WRITER]: writer } };
    await this.#ask(key, (client) => client.send(new PutObjectCommand(command)));
  }

  async #writeParts(
    key: string,
    bytes: number,
    readPart: ReadPart,
    writer: string,
    condition: Condition,
  ): Promise<void> {
    const at = this.#at(key);
    const begin = { ...at, Metadata: { [WRITER]: writer } };
    const { UploadId } = await this.#ask(key, (client) =>
      client.send(new CreateMultipartUploadCommand(begin)),
    );
    const size = Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS));
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    try {
      await this.#eachPart(0, Math.ceil(bytes / size), async (part) => {
        const offset = part * size;
        const PartNumber = part + 1;
        const Body = await readPart(offset, Math.min(size, bytes - offset));
        const { ETag } = await this.#ask(key, (client) =>
          client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body })),
        );
        Parts[part] = { PartNumber, ETag };
      });
      const end = { ...at, ...condition, UploadId, MultipartUpload: { Parts } };
      await this.#ask(key, (client) => client.send(new CompleteMultipartUploadCommand(end)));
    } catch (error) {
      // Parts of unfinished uploads are invisible but still billed.
      await this.abort({ key, uploadId: UploadId! }).catch(() => {});
      throw error;
    }
  }

  /**
   * Uploads below the prefix that were started before a time in milliseconds since 1970; none if the user
   * may not list them.
   */
  async unfinished(prefix: string, before: number): Promise<UnfinishedUpload[]> {
    const found: UnfinishedUpload[] = [];
    await this.#ask(prefix, async (client) => {
      for await (const { Key, UploadId, Initiated } of this.#uploads(client, prefix)) {
        if (Initiated!.getTime() >= before) continue;
        const bytes = await this.#bytesOf(client, { ...this.#at(Key!), UploadId });
        found.push({ key: Key!, uploadId: UploadId!, bytes });
      }
    }).catch((error: unknown) => {
      // A user without the permission, a store without such lists, or an upload that has just ended.
      if (!(error instanceof Refusal) && statusOf((error as Error).cause) !== 404) throw error;
    });
    return found;
  }

  async *#uploads(client: S3Client, prefix: string): AsyncGenerator<MultipartUpload> {
    const wanted = { Bucket: this.location.bucket, Prefix: prefix };
    let after: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> | null = {};
    while (after !== null) {
      const page: ListMultipartUploadsCommandOutput = await client.send(
        new ListMultipartUploadsCommand({ ...wanted, ...after }),
      );
      yield* page.Uploads ?? [];
      const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
      after = IsTruncated === true ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : null;
    }
  }

  /** The SDK's pages of parts never end where a store names a next page after the last one. */
  async #bytesOf(client: S3Client, upload: ListPartsCommandInput): Promise<number> {
    const page = await client.send(new ListPartsCommand(upload));
    const bytes = (page.Parts ?? []).reduce((sum, { Size }) => sum + Size!, 0);
    if (page.IsTruncated !== true) return bytes;
    return bytes + (await this.#bytesOf(client, { ...upload, PartNumberMarker: page.NextPartNumberMarker }));
  }

  /** An upload that does not exist any more is not an error. */
  async abort({ key, uploadId }: Pick<UnfinishedUpload, 'key' | 'uploadId'>): Promise<void> {
    const command = { ...this.#at(key), UploadId: uploadId };
    await this.#ask(key, (client) => client.send(new AbortMultipartUploadCommand(command))).catch(
      (error: unknown) => {
        if (statusOf((error as Error).cause) !== 404) throw error;
      },
    );
  }

  async list(prefix: string): Promise<{ key: string; bytes: number; version: string }[]> {
    return this.#ask(prefix, async (client) => {
      const found: { key: string; bytes: number; version: string }[] = [];
      const wanted = { Bucket: this.location.bucket, Prefix: prefix };
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, wanted))
        for (const { Key, Size, ETag } of Contents) found.push({ key: Key!, bytes: Size!, version: ETag! });
      return found;
    });
  }

  /** Keys up to the first `/` after the prefix, which they include. */
  async folders(prefix: string): Promise<string[]> {
    return this.#ask(prefix, async (client) => {
      const found: string[] = [];
      const wanted = { Bucket: this.location.bucket, Prefix: prefix, Delimiter: '/' };
      for await (const { CommonPrefixes = [] } of paginateListObjectsV2({ client }, wanted))
        for (const { Prefix } of CommonPrefixes) found.push(Prefix!);
      return found;
    });
  }

  async remove(key: string): Promise<void> {
    await this.#ask(key, (client) => client.send(new DeleteObjectCommand(this.#at(key))));
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.location.bucket, Key: key };
  }

  /** Runs `work` for each part, a few at a time; none is started after one has failed. */
  async #eachPart(from: number, to: number, work: (part: number) => Promise<void>): Promise<void> {
    const limited = atMost(PARTS_AT_ONCE);
    const parts = Array.from({ length: Math.max(to - from, 0) }, (_, i) => from + i);
    let failed = false;
    await allOf(
      parts.map((part) =>
        limited(async () => {
          if (failed) return;
          await work(part).catch((error: unknown) => {
            failed = true;
            throw error;
          });
        }),
      ),
    );
  }

  async #ask<T>(key: string, work: (client: S3Client) => Promise<T>): Promise<T> {
    const { request, endpoint } = await s3Access();
    try {
      return await request(work);
    } catch (error) {
      throw explained(error, { uri: this.#uri, bucket: this.location.bucket, key, endpoint });
    }
  }
}
