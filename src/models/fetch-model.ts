/**
 * Fetches a partition's model for a runner: finds it through the run's manifest, verifies it, and writes it
 * to a local file.
 */
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findEntry } from './manifest';
import type { ModelPlan } from '../core/unit-plan';
import { openStage } from '../stage';
import type { ModelFile } from './types';

export async function fetchModel(
  models: ModelPlan | null,
  partition: string,
  folder: string,
): Promise<ModelFile | null> {
  if (models === null) return null;
  const stage = openStage(models.stage);
  const entry = await findEntry(stage, models.root, partition);
  if (entry === null) return null;
  const file = join(folder, `model-${randomUUID()}`);
  await writeFile(file, await stage.read(entry));
  return { file, name: entry.file, trainedWith: entry.trainedWith };
}
