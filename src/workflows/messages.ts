/** Queries of a run, for people with Temporal's own tools; Partwise itself reads history. */
import { defineQuery } from '@temporalio/workflow';
import type { RunStatus, StatusCounts } from '../run/status';

/** Answer of the query `progress`. */
export interface ProgressAnswer {
  status: RunStatus;
  counts: StatusCounts & { total: number };
  /** Units in flight, by label. */
  running: string[];
}

/** Answer of the query `partitions`: the first failures and what is running. For pages of all: `partwise partitions`. */
export interface PartitionsAnswer {
  running: string[];
  failed: { id: string; error: { type: string; message: string } }[];
}

export const progressQuery = defineQuery<ProgressAnswer>('progress');
export const partitionsQuery = defineQuery<PartitionsAnswer>('partitions');
