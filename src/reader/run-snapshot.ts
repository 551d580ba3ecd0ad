import { firstAtLeast } from '../core/first-at-least';
import type { FailureGroup } from '../history/failure-groups';
import type { UnitRecord } from '../history/fold';
import type { PartitionColumns } from '../history/partition-columns';
import type { RunState } from '../history/state';
import { failureGroups, partitionColumns, type WholeRunReader } from './partitions/whole-run';
import type { Reading, RunReader } from './run-reader';
import type { PartitionView } from './partition-types';
import type { RunSnapshot, UnitView, WholeRun } from './types';
import { unitView } from './unit-view';

/** A run as one reading found it. */
export class ReadSnapshot implements RunSnapshot {
  constructor(
    private readonly reader: RunReader,
    private readonly reading: Reading,
    /** Shared by the snapshots of a followed run. */
    private readonly wholeRun: WholeRunReader,
  ) {}

  get state(): RunState {
    return this.reading.state;
  }

  units(): UnitView[] {
    const { record, overlay } = this.reading;
    return [...record.units.values()].map((unit) => unitView(unit, overlay));
  }

  columns(range: { from?: number; to?: number } = {}): Promise<PartitionColumns> {
    return partitionColumns(this.reader, this.reading, range);
  }

  failures(): Promise<FailureGroup[]> {
    return failureGroups(this.reader, this.reading);
  }

  whole(): Promise<WholeRun> {
    return this.wholeRun.read(this.reading);
  }

  async ids(ordinals: ArrayLike<number>): Promise<string[]> {
    const { record } = this.reading;
    const wanted = this.#checked(ordinals);
    return wanted.length === 0 ? [] : this.reader.index(record, record.plan!).ids(wanted);
  }

  async partitions(ordinals: ArrayLike<number>): Promise<PartitionView[]> {
    const wanted = this.#checked(ordinals);
    if (wanted.length === 0) return [];
    const ascending = Int32Array.from(wanted).sort();
    const has = ({ task: { from, to } }: UnitRecord): boolean =>
      (ascending[firstAtLeast(ascending, from)] ?? Infinity) <= to;
    const views = (await this.reader.views(this.reading, has))!;
    const found: PartitionView[] = [];
    for (const ordinal of wanted) found.push(await views.view(ordinal));
    return found;
  }

  async search(text: string): Promise<Int32Array> {
    const { record } = this.reading;
    if (record.plan === null) return new Int32Array();
    return this.reader.index(record, record.plan).search(text);
  }

  #checked(ordinals: ArrayLike<number>): number[] {
    const total = this.reading.record.plan?.partitions ?? 0;
    const wanted = Array.from(ordinals);
    const unknown = wanted.find((ordinal) => !Number.isInteger(ordinal) || ordinal < 0 || ordinal >= total);
    if (unknown === undefined) return wanted;
    throw new RangeError(
      `There is no partition ${unknown}: the run "${this.reader.runId}" has ${total}, numbered from 0.`,
    );
  }
}
