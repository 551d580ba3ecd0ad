/**
 * Guards that cannot be disabled by leaving a statement out: what to put instead, in the lines below the
 * marker. `from` must be there, up to the next marker; an entry that no guard needs is a failure.
 *
 * @type {{ file: string, from: string, to: string }[]}
 */
export const REPLACEMENTS = [
  // The zombies of a terminated execution are not waited for.
  {
    file: 'src/planning/continue-run.ts',
    from: 'Math.max(0, until - info.currentAttemptScheduledTimestampMs)',
    to: '0 * until * info.attempt',
  },
  // What is DONE is not kept.
  {
    file: 'src/planning/continue-run.ts',
    from: "carried.outcome.status === 'DONE' ||",
    to: '',
  },
  // As if the execution that was terminated had recorded them.
  {
    file: 'src/planning/continue-run.ts',
    from: 'const { execution } = place;',
    to: 'const { execution } = unit.task;',
  },
  // The plan of the last who planned is taken.
  {
    file: 'src/stored/settled-plan.ts',
    from: 'return (await settledPlan(stage, plan))!;',
    to: 'return plan;',
  },
  // A continuation reads the source again.
  {
    file: 'src/activities/plan-run.ts',
    from: 'await rowsPinnedBefore(place, input)',
    to: 'await pinRows(deps, place, input, context)',
  },
  // Outcomes are reused whatever the rows and the code.
  {
    file: 'src/planning/reuse.ts',
    from: 'entry?.key === keyOf(fingerprints[ordinal]!, basis.function.digest)',
    to: 'entry !== undefined',
  },
  // What failed is recorded as good.
  { file: 'src/activities/record-series.ts', from: "ended.status !== 'DONE' || ", to: '' },
  // A retry lays all that the run has ever trained over the newest version.
  {
    file: 'src/activities/register-models.ts',
    from: 'last?.body.run!.execution ?? 0',
    to: '0 * (last?.version ?? 0)',
  },
  // Models that versions name go.
  {
    file: 'src/client/clean/needed-models.ts',
    from: 'for (const entry of await readBlock(stage, block)) needed.add(entry.path);',
    to: 'await readBlock(stage, block);',
  },
  // What runs that stay have recorded goes.
  {
    file: 'src/client/clean/clean.ts',
    from: 'for (const path of named) needed.add(path);',
    to: 'void named;',
  },
  // What no history names goes, of a run whose history cannot be read.
  {
    file: 'src/client/clean/clean.ts',
    from: 'readable: new Set(),',
    to: 'readable: new Set(locators.map(({ execution }) => execution)),',
  },
  // The name of a series is a path.
  { file: 'src/stored/layout.ts', from: 'distinct(folderName(series), series)', to: 'series' },
  // All partitions are cut into units.
  {
    file: 'src/activities/plan-run.ts',
    from: '.filter((ordinal) => !done.has(ordinal))',
    to: '',
  },
  // Checkpoints are read, and their partitions run again all the same.
  {
    file: 'src/activities/unit/process-unit.ts',
    from: '.filter((ordinal) => !done.has(ordinal))',
    to: '',
  },
  // No checkpoint is put.
  {
    file: 'src/activities/unit/recorder.ts',
    from: 'if (settled.length > 0 || block !== null)',
    to: 'if (settled.length > 1e9)',
  },
  // Everything inline, whatever its size.
  { file: 'src/activities/unit/result.ts', from: '<= MAX_INLINE_BYTES', to: '>= 0' },
  {
    file: 'src/cli/exit.ts',
    from: 'error === null && !(strict && failed(counts) + counts.CANCELLED > 0) ? OK : ENDED_BADLY',
    to: 'counts.CANCELLED >= 0 ? OK : ENDED_BADLY',
  },
  { file: 'src/cli/partition-folders.ts', from: 'if (owner !== id) continue;', to: 'void owner;' },
  {
    file: 'src/client/control.ts',
    from: 'if (problems.length > 0) throw',
    to: 'if (problems.length > 1e9) throw',
  },
  {
    file: 'src/reader/partitions/partition-views.ts',
    from: '{ ...live, artifacts: [] }',
    to: 'live',
  },
  {
    file: 'src/client/schedules/schema.ts',
    from: '!parsed.success || problems.length > 0',
    to: '!parsed.success',
  },
  {
    file: 'src/client/start.ts',
    from: "if (problems.length > 0) throw new StartRefused('InvalidInput', problems);",
    to: '',
  },
  {
    file: 'src/functions/file-rows.ts',
    from: 'const found =',
    to: 'if (Date.now() > 0) return;\n  const found =',
  },
  {
    file: 'src/functions/unit-cursor.ts',
    from: 'throw new SnapshotDamaged(',
    to: 'void new SnapshotDamaged(',
  },
  // A run that failed for its failures is a FAILURE, whatever is DONE.
  {
    file: 'src/history/run-state.ts',
    from: "return settled ? settledStatus(ended) : 'FAILURE';",
    to: "return settled && Date.now() < 0 ? settledStatus(ended) : 'FAILURE';",
  },
  // What a plain start wants changed is not looked at.
  {
    file: 'src/input/continue-input.ts',
    from: 'const problems = changeProblems(Object.fromEntries(CHANGES.map((name) => [name, raw[name]])));',
    to: 'const problems: string[] = [];\n  void CHANGES;',
  },
  {
    file: 'src/input/parse-input.ts',
    from: '!result.success || problems.length > 0',
    to: '!result.success',
  },
  { file: 'src/input/parse-input.ts', from: 'bytes <= MAX_INPUT_BYTES', to: 'bytes > 0' },
  { file: 'src/core/partition-id.ts', from: 'encodeURIComponent(value)', to: 'value' },
  { file: 'src/core/units/retry-units.ts', from: '4 * lanes, share)', to: '4 * lanes)' },
  { file: 'src/stored/layout.ts', from: 'distinct(name, runId)', to: 'runId' },
  {
    file: 'src/runners/environment.ts',
    from: '!CREDENTIALS.some((pattern) => pattern.test(name))',
    to: 'CREDENTIALS.length > 0',
  },
  {
    file: 'src/runners/node/main.ts',
    from: "['uncaughtException', 'unhandledRejection'] as const",
    to: "[] as ('uncaughtException' | 'unhandledRejection')[]",
  },
  {
    file: 'src/stage/local/local-stage.ts',
    from: "if (!inside || path.startsWith('/') || path.split('/').includes('..') || path.includes('\\0'))",
    to: 'if (inside && !inside)',
  },
  // Every statement by itself.
  {
    file: 'src/duckdb/database-file.ts',
    from: `  await connection.run('BEGIN TRANSACTION');
  try {
    const result = await work();
    await connection.run('COMMIT');`,
    to: `  try {
    const result = await work();`,
  },
  {
    file: 'src/warehouse/duckdb/commit.ts',
    from: "output.mode === 'append' && before !== undefined",
    to: 'task.execution < 0 && before !== undefined',
  },
  {
    file: 'src/duckdb/database-file.ts',
    from: 'const own = before.then(work, work);',
    to: 'const own = work();',
  },
  // Whatever is read is read again for each question.
  {
    file: 'src/warehouse/duckdb/snapshot.ts',
    from: 'CREATE TEMP TABLE pinned AS SELECT *, row_number()',
    to: 'CREATE TEMP VIEW pinned AS SELECT *, row_number()',
  },
  {
    file: 'src/workflows/payload-converter.ts',
    from: 'return `[a payload',
    to: 'if (payload !== undefined) throw error;\n      return `[a payload',
  },
  {
    file: 'src/workflows/unit-call.ts',
    from: "'WAIT_CANCELLATION_COMPLETED'",
    to: "'TRY_CANCEL'",
  },
  // What was never begun counts as cut off.
  {
    file: 'src/workflows/unit-call.ts',
    from: 'Number(scheduled || 0) > 0',
    to: 'Number(scheduled || 0) >= 0',
  },
  // A shard gets more lanes than a history may have activities in flight.
  {
    file: 'src/core/units/shards.ts',
    from: 'Math.min(MAX_LANES, each + (i < more ? 1 : 0))',
    to: 'each + (i < more ? 1 : 0)',
  },
  // As many units as 500 shards have, whatever the concurrency.
  {
    file: 'src/core/units/cut-units.ts',
    from: 'Math.min(MAX_SHARDS, shardsInFlight(maxConcurrency))',
    to: 'MAX_SHARDS',
  },
  // An earlier execution's commit is taken for one of all rows.
  { file: 'src/workflows/ending.ts', from: ' && committed)', to: ')' },
  { file: 'src/workflows/ending.ts', from: "'WAIT_CANCELLATION_COMPLETED'", to: "'TRY_CANCEL'" },
  // Text is stored with what UTF-8 makes of half a character.
  {
    file: 'src/rows/cells.ts',
    from: "if (value.isWellFormed()) return { type: 'VARCHAR'",
    to: "if (value.length >= 0) return { type: 'VARCHAR'",
  },
  // Bytes are those that the buffer has when the rows are written.
  { file: 'src/rows/cells.ts', from: 'cell: new Uint8Array(value)', to: 'cell: value' },
  // One partition's rows that cannot be written fail the unit.
  { file: 'src/rows/written-alone.ts', from: 'await search(ordinals);', to: 'await write(ordinals);' },
  // A getter that throws is let out.
  {
    file: 'src/functions/errors.ts',
    from: 'return attempt(() => (value as Record<string, unknown> | null | undefined)?.[name], undefined);',
    to: 'return (value as Record<string, unknown> | null | undefined)?.[name];',
  },
  // A run without a proof is the owner's.
  {
    file: 'src/planning/run-trust.ts',
    from: "if (starter === null) throw new Refusal('NotTrusted', [unproven(workflowId, proof !== null)]);",
    to: "if (starter === null) return 'owner';",
  },
  // Whoever continues a run vouches for all that it was started with.
  {
    file: 'src/planning/run-trust.ts',
    from: "return isVerified && record.opened?.trusted === true ? starter : 'anyone';",
    to: "return isVerified || record.opened?.trusted === true ? starter : 'owner';",
  },
  // The proof of a run is one of a schedule.
  {
    file: 'src/trust/start-proof.ts',
    from: "startProof(secret, 'schedule', scheduled, input)",
    to: "startProof(secret, 'run', scheduled, input)",
  },
  // Any proof of the right length.
  { file: 'src/trust/start-proof.ts', from: '&& timingSafeEqual(a, b)', to: '|| timingSafeEqual(a, b)' },
  // The last input counts.
  { file: 'src/trust/seal-codec.ts', from: '(before ?? label) !== label', to: '(before ?? label) === null' },
  // Payloads without a seal are decoded.
  { file: 'src/trust/seal-codec.ts', from: 'throw new NotSealed(context);', to: 'return undefined;' },
  // An input of one activity is one of any other.
  {
    file: 'src/worker/guard-worker.ts',
    from: 'made === inputOf(activityType)',
    to: 'made !== inputOf(activityType) || true',
  },
  // Signals between a run and its shards come from anyone.
  {
    file: 'src/workflows/interceptors.ts',
    from: 'made === undefined || made === signalOf(input.signalName)',
    to: 'made !== signalOf(input.signalName) || true',
  },
  // Rows of the call whose files are gone count besides those of the new one.
  {
    file: 'src/planning/missing-files.ts',
    from: 'except: [...new Set([...except, ...missing.keys()])]',
    to: 'except',
  },
  // An input that was put back as a result is decoded as one.
  {
    file: 'src/workflows/payload-converter.ts',
    from: "what !== '' && !isResult(what)",
    to: "what !== '' && !isResult(what) && Date.now() < 0",
  },
];
