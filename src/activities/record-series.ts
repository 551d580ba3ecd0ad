/** Adds the outcomes of an ending run to the ledger of its series. */
import { reuseKeys } from '../stored/reuse-key';
import { readFingerprints, readWholeIndex } from '../rows/partition-index';
import type { ActivityDeps, ClosingRun } from './deps';
import { writeLedger, type LedgerEntry } from '../stored/series-ledger';
import { openPlannedStage } from '../stored/stage-access';
import { loadUnitPlan } from '../stored/unit-plan';

export async function recordSeries(_: ActivityDeps, { task, reader }: ClosingRun): Promise<void> {
  const { runId, opened: place } = task;
  if (place === null) return;
  const record = await reader.record();
  const { opened, plan } = record;
  const series = opened?.input.series ?? null;
  if (opened === null || plan === null || series === null) return;
  const stage = await openPlannedStage(place.stage, place.stageToken);
  const fingerprints = await readFingerprints(await stage.localFile(plan.index));
  if (fingerprints === null) return;
  const keyOf = reuseKeys(await loadUnitPlan(stage, plan.unitPlan));
  const { generation, execution } = place;
  const { snapshotTime } = plan;
  const done = new Map<string, LedgerEntry>();
  const outcomes = await reader.outcomes(record);
  const index = await readWholeIndex(await stage.localFile(plan.index));
  for (const { outcome: ended, functionDigest, output, ...recorded } of outcomes.all()) {
    // enforces I4: only a DONE outcome of known code can replace a call in a later run.
    if (ended.status !== 'DONE' || functionDigest === null) continue;
    const { ordinal } = ended;
    // An outcome that is reused has no calls, so none with errors either.
    const { earlierErrors: _errors, ...own } = ended;
    const outcome = { ...own, id: index.ids[ordinal]!, rows: index.rows[ordinal]! };
    const key = keyOf(fingerprints[ordinal]!, functionDigest);
    const run = { runId, generation, execution };
    const runtime = ended.reused ? recorded.runtime : opened.function.runtime;
    done.set(outcome.id, {
      key,
      outcome,
      functionDigest,
      rows: output,
      snapshotTime,
      run,
      ...(runtime !== undefined && { runtime }),
    });
  }
  // A run of selected partitions has no information about the others.
  const present = opened.input.only != null ? null : new Set(index.ids);
  await writeLedger(stage, series, { done, present, snapshotTime });
}
