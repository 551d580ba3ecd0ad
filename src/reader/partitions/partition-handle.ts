import { decodeArtifact } from '../../functions/artifact-codec';
import type { ArtifactReader } from '../../functions/types';
import type { UnitRecord } from '../../history/fold';
import type { ArtifactRef } from '../../core/files';
import { partitionName } from '../../core/partition-name';
import { shellWord } from '../../core/shell-word';
import { didYouMean } from '../../core/nearest';
import { artifactHead, tablePreview } from './artifact-head';
import { writeArtifact, findArtifact } from './artifacts';
import { NoSuchPartition } from '../errors';
import { checkedLogPage, logPage } from './log-page';
import { LogReader } from './logs';
import { artifactView, type PartitionViews } from './partition-views';
import { orRerun } from '../rerun-missing';
import { readRows } from './results';
import type { Reading, RunReader } from '../run-reader';
import type { LogEntry, LogPage, LogPageOptions } from '../log-types';
import type {
  ArtifactHead,
  ArtifactView,
  PartitionHandle,
  PartitionView,
  TablePreview,
} from '../partition-types';
import type { Stage } from '../../stage';
import type { Row } from '../../core/row';

interface Found {
  reading: Reading;
  views: PartitionViews;
  ordinal: number;
}

/** Whether a unit's outcomes are inline in history, so that no file is needed to get its partitions. */
function namesItsPartitions({ end }: UnitRecord): boolean {
  return end?.type === 'result' && Array.isArray(end.result.outcomes);
}

/** Reads again with every call, so it returns the partition's current state. */
export class PartitionReader implements PartitionHandle {
  constructor(
    private readonly reader: RunReader,
    readonly id: string,
  ) {}

  /** Its position in the partition index. */
  async ordinal(): Promise<number> {
    return (await this.#find()).ordinal;
  }

  async describe(): Promise<PartitionView> {
    const { views, ordinal } = await this.#find();
    return views.view(ordinal);
  }

  async result(): Promise<Row[]> {
    const { reading, views, ordinal } = await this.#find();
    const { record } = reading;
    const end = views.recorded(ordinal);
    if (views.status(ordinal) !== 'DONE' || end === undefined || end.outcome.outputRows === 0) return [];
    return orRerun(this.reader.runId, () =>
      readRows(this.reader.stage(record)!, end.output, record.plan!.keyColumns, { ordinal }),
    );
  }

  async logs(): Promise<LogEntry[]> {
    const { reading, ordinal } = await this.#find();
    const { record } = reading;
    const logs = new LogReader(
      { stage: this.reader.stage(record)!, idOf: () => Promise.resolve(this.id) },
      ordinal,
    );
    const entries: LogEntry[] = [];
    for await (const entry of logs.fresh(record)) entries.push(entry);
    return entries;
  }

  async logPage(options: LogPageOptions = {}): Promise<LogPage> {
    const wanted = checkedLogPage(options);
    const { reading, ordinal } = await this.#find();
    return logPage(this.reader, reading.record, { id: this.id, ordinal }, wanted);
  }

  readonly artifacts = {
    list: async (): Promise<ArtifactView[]> => (await this.#artifacts()).refs.map(artifactView),
    get: async <T = unknown>(name: string, options?: { read?: ArtifactReader<T> }): Promise<T> => {
      const { bytes, ref } = await this.artifact(name);
      const value = options?.read === undefined ? decodeArtifact(bytes, ref.codec) : options.read(bytes);
      return (await value) as T;
    },
    head: async (name: string, { bytes }: { bytes?: number } = {}): Promise<ArtifactHead> =>
      this.#withArtifact(name, (stage, ref) => artifactHead(stage, ref, bytes)),
    preview: async (name: string): Promise<TablePreview> => this.#withArtifact(name, tablePreview),
    download: async (name: string, folder: string): Promise<string> => {
      const { bytes } = await this.artifact(name);
      return writeArtifact(bytes, name, folder);
    },
  };

  async #artifacts(): Promise<{ refs: readonly ArtifactRef[]; reading: Reading }> {
    const { reading, views, ordinal } = await this.#find();
    return { refs: views.recorded(ordinal)?.outcome.artifacts ?? [], reading };
  }

  /** An artifact of the recorded outcome, verified. */
  async artifact(name: string): Promise<{ bytes: Uint8Array; ref: ArtifactRef }> {
    return this.#withArtifact(name, async (stage, ref) => ({ bytes: await stage.read(ref), ref }));
  }

  async #withArtifact<T>(name: string, use: (stage: Stage, ref: ArtifactRef) => Promise<T>): Promise<T> {
    const { refs, reading } = await this.#artifacts();
    const ref = findArtifact(this.id, refs, name);
    const stage = this.reader.stage(reading.record)!;
    return orRerun(this.reader.runId, () => use(stage, ref));
  }

  async #find(): Promise<Found> {
    const reading = await this.reader.read();
    const known = await this.reader.views(reading, namesItsPartitions);
    const { runId } = this.reader;
    if (known === null) {
      throw new NoSuchPartition(
        runId,
        this.id,
        reading.record.closed === null
          ? `The run "${runId}" has no partitions yet: it is still being planned.`
          : `The run "${runId}" has no partitions: it ended before it was planned.`,
      );
    }
    const ordinal = await known.ordinalOf(this.id);
    if (ordinal !== null) {
      const has = ({ task }: UnitRecord): boolean => task.from <= ordinal && ordinal <= task.to;
      return { reading, views: (await this.reader.views(reading, has))!, ordinal };
    }
    const near = didYouMean(partitionName(this.id), (await known.ids()).map(partitionName));
    throw new NoSuchPartition(
      runId,
      this.id,
      `The run "${runId}" has no partition "${partitionName(this.id)}".${near} partwise partitions ${shellWord(runId)} lists all ${known.total}.`,
    );
  }
}
