import { z } from 'zod';
import { PARTITION_STATUSES } from '../..';

const MAX_TEXT = 1_000;

const range = z.tuple([z.number().nullable(), z.number().nullable()]);

/** `PartitionFilter` as a request has it. */
export const FILTER = z.strictObject({
  status: z.array(z.enum(PARTITION_STATUSES)).optional(),
  group: z.int().min(0).max(65_535).optional(),
  ordinals: z.tuple([z.int().min(0), z.int().min(0)]).optional(),
  text: z.string().max(MAX_TEXT).optional(),
  took: range.optional(),
  rows: range.optional(),
  returned: range.optional(),
  attempts: range.optional(),
  execution: range.optional(),
  reused: z.boolean().optional(),
  unit: z.string().max(MAX_TEXT).optional(),
  worker: z.string().max(MAX_TEXT).optional(),
});
