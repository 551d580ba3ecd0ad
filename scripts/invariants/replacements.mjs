/**
 * Replacements for guards that cannot be disabled by removing a statement. `from` must occur between the
 * marker and the next one; an entry that no guard uses is a failure.
 *
 * @type {{ file: string, from: string, to: string }[]}
 */
export const REPLACEMENTS = [
  // Calls of a worker whose lease has run out go on.
  {
    file: 'python/partwise/_runner/guard.py',
    from: 'if self.left <= 0:',
    to: 'if self.left <= -1e9:',
  },
  // The next partition sees what the last one changed in the process.
  { file: 'python/partwise/_runner/runner.py', from: 'self._state.restore()', to: 'pass' },
  // A function that handled the error of its rows has a result.
  {
    file: 'python/partwise/_runner/unit_loop.py',
    from: 'raise call.rows_error',
    to: 'pass',
  },
  // Takes every failure for that of a fresh process.
  {
    file: 'src/runners/runner-session.ts',
    from: 'runner.calls.read().started > 0',
    to: 'runner.calls.read().started < 0',
  },
  // A partition that may have broken its process is not tried on its own.
  {
    file: 'src/runners/unit-run.ts',
    from: 'suspects.push({ ordinal: suspected, alone: false });',
    to: 'void suspected;',
  },
  // Does not wait for zombies of a terminated execution.
  {
    file: 'src/planning/continue-run.ts',
    from: 'Math.max(0, until - info.currentAttemptScheduledTimestampMs)',
    to: '0 * until * info.attempt',
  },
  // Does not keep DONE partitions.
  {
    file: 'src/planning/continue-run.ts',
    from: "carried.outcome.status === 'DONE' ||",
    to: '',
  },
  // Reads them as if the terminated execution had recorded them.
  {
    file: 'src/planning/continue-run.ts',
    from: 'const { execution } = place;',
    to: 'const { execution } = unit.task;',
  },
  // Uses the plan of the last planner.
  {
    file: 'src/stored/settled-plan.ts',
    from: 'return (await settledPlan(stage, plan))!;',
    to: 'return plan;',
  },
  // Takes the execution itself for the first of its run.
  {
    file: 'src/activities/commit-run.ts',
    from: 'lineageOf(locators, [self, ...(record.opened?.earlier ?? [])])',
    to: '(lineageOf(locators, [self, ...(record.opened?.earlier ?? [])]) ?? runId) as string | null',
  },
  // A continuation reads the source again.
  {
    file: 'src/activities/plan-run.ts',
    from: 'await rowsPinnedBefore(place, input)',
    to: 'await pinRows(deps, place, input, context)',
  },
  // Reuses outcomes whatever the rows and the code.
  {
    file: 'src/planning/reuse.ts',
    from: 'entry?.key === keyOf(fingerprints[ordinal]!, basis.function.digest)',
    to: 'entry !== undefined',
  },
  // Records failed partitions as good.
  { file: 'src/activities/record-series.ts', from: "ended.status !== 'DONE' || ", to: '' },
  // A retry merges everything that the run ever trained into the newest version.
  {
    file: 'src/activities/register-models.ts',
    from: 'last?.body.run!.execution ?? 0',
    to: '0 * (last?.version ?? 0)',
  },
  // Removes models that versions reference.
  {
    file: 'src/client/clean/needed-models.ts',
    from: 'for (const entry of await readBlock(stage, block)) needed.add(entry.path);',
    to: 'await readBlock(stage, block);',
  },
  // Removes files that kept runs have recorded.
  {
    file: 'src/client/clean/clean-stage.ts',
    from: 'for (const path of named) needed.add(path);',
    to: 'void named;',
  },
  // Removes files that no history names, even of a run whose history cannot be read.
  {
    file: 'src/client/clean/clean-stage.ts',
    from: 'readable: new Set(),',
    to: 'readable: new Set(locators.map(({ execution }) => execution)),',
  },
  // Uses the name of a series as a path.
  { file: 'src/stored/layout.ts', from: 'distinct(folderName(series), series)', to: 'series' },
  // Splits all partitions into units.
  {
    file: 'src/activities/plan-run.ts',
    from: '.filter((ordinal) => !done.has(ordinal))',
    to: '',
  },
  // Reads checkpoints, but runs their partitions again.
  {
    file: 'src/activities/unit/process-unit.ts',
    from: '.filter((ordinal) => !done.has(ordinal))',
    to: '',
  },
  // Writes no checkpoint.
  {
    file: 'src/activities/unit/recorder.ts',
    from: 'if (settled.length > 0 || block !== null)',
    to: 'if (settled.length > 1e9)',
  },
  // Keeps every result inline, whatever its size.
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
  // Reports a run with failures as FAILURE, even if partitions are DONE.
  {
    file: 'src/history/run-state.ts',
    from: "return settled ? settledStatus(ended) : 'FAILURE';",
    to: "return settled && Date.now() < 0 ? settledStatus(ended) : 'FAILURE';",
  },
  // Ignores the changes that a plain start asks for.
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
    file: 'src/duckdb/setup.ts',
    from: 'all.replaceAll(value, name)',
    to: 'all + value.slice(0, 0) + name.slice(0, 0)',
  },
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
  // Runs every statement separately.
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
  // Reads the rows again for each query.
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
  // Counts units that never started as interrupted.
  {
    file: 'src/workflows/unit-call.ts',
    from: 'Number(scheduled || 0) > 0',
    to: 'Number(scheduled || 0) >= 0',
  },
  // Gives a shard more lanes than a history may have activities in flight.
  {
    file: 'src/core/units/shards.ts',
    from: 'Math.min(MAX_LANES, each + (i < more ? 1 : 0))',
    to: 'each + (i < more ? 1 : 0)',
  },
  // Allows as many units as 500 shards have, whatever the concurrency.
  {
    file: 'src/core/units/cut-units.ts',
    from: 'Math.min(MAX_SHARDS, shardsInFlight(maxConcurrency))',
    to: 'MAX_SHARDS',
  },
  // Treats an earlier execution's commit as one of all rows.
  { file: 'src/workflows/ending.ts', from: ' && committed)', to: ')' },
  { file: 'src/workflows/ending.ts', from: "'WAIT_CANCELLATION_COMPLETED'", to: "'TRY_CANCEL'" },
  // Stores half a surrogate pair as whatever UTF-8 makes of it.
  {
    file: 'src/rows/cells.ts',
    from: "if (value.isWellFormed()) return { type: 'VARCHAR'",
    to: "if (value.length >= 0) return { type: 'VARCHAR'",
  },
  // Stores the bytes that the buffer has when the rows are written.
  { file: 'src/rows/cells.ts', from: 'cell: new Uint8Array(value)', to: 'cell: value' },
  // Fails the unit for one partition's rows that cannot be written.
  { file: 'src/rows/written-alone.ts', from: 'await search(ordinals);', to: 'await write(ordinals);' },
  // Lets the error of a throwing getter escape.
  {
    file: 'src/functions/errors.ts',
    from: 'return attempt(() => (value as Record<string, unknown> | null | undefined)?.[name], undefined);',
    to: 'return (value as Record<string, unknown> | null | undefined)?.[name];',
  },
  // Trusts a run without a proof.
  {
    file: 'src/planning/run-trust.ts',
    from: "if (starter === null) throw new Refusal('NotTrusted', [unproven(workflowId, proof !== null)]);",
    to: "if (starter === null) return 'owner';",
  },
  // Lets whoever continues a run vouch for its original input.
  {
    file: 'src/planning/run-trust.ts',
    from: "return isVerified && record.opened?.trusted === true ? starter : 'anyone';",
    to: "return isVerified || record.opened?.trusted === true ? starter : 'owner';",
  },
  // Accepts the proof of a run for a schedule.
  {
    file: 'src/trust/start-proof.ts',
    from: "startProof(secret, 'schedule', scheduled, input)",
    to: "startProof(secret, 'run', scheduled, input)",
  },
  // Accepts any proof of the right length.
  { file: 'src/trust/start-proof.ts', from: '&& timingSafeEqual(a, b)', to: '|| timingSafeEqual(a, b)' },
  // Uses the last input.
  { file: 'src/trust/seal-codec.ts', from: '(before ?? label) !== label', to: '(before ?? label) === null' },
  // Decodes payloads without a seal.
  { file: 'src/trust/seal-codec.ts', from: 'throw new NotSealed(context);', to: 'return undefined;' },
  // Accepts an input of one activity for any other.
  {
    file: 'src/worker/guard-worker.ts',
    from: 'made === inputOf(activityType)',
    to: 'made !== inputOf(activityType) || true',
  },
  // Accepts signals between a run and its shards from anyone.
  {
    file: 'src/workflows/interceptors.ts',
    from: 'made === undefined || made === signalOf(input.signalName)',
    to: 'made !== signalOf(input.signalName) || true',
  },
  // Continues a run of which a locator is damaged.
  {
    file: 'src/planning/resumed-run.ts',
    from: 'if (damage !== null) throw',
    to: 'if (damage !== null && Date.now() < 0) throw',
  },
  // Counts rows of the call whose files are gone in addition to those of the new one.
  {
    file: 'src/planning/missing-files.ts',
    from: 'except: [...new Set([...except, ...missing.keys()])]',
    to: 'except',
  },
  // Decodes an input that was replayed as a result.
  {
    file: 'src/workflows/payload-converter.ts',
    from: "what !== '' && !isResult(what)",
    to: "what !== '' && !isResult(what) && Date.now() < 0",
  },
];
