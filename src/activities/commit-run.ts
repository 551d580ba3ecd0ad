import { Context } from '@temporalio/activity';
import { damagedLocators, lineageOf, readLocators } from '../stored/locators';
import { orRerun } from '../reader/rerun-missing';
import { withLocalRows } from '../reader/partitions/results';
import { RunReader } from '../reader/run-reader';
import { ServerRun } from '../reader/run-source';
import type { CommitResult, CommitTask } from '../core/tasks';
import { Refusal } from '../core/refusal';
import { openStage } from '../stage';
import { openWarehouse } from '../warehouse';
import { allowedFiles, confinementOf, outputProblems } from '../planning/allowed-files';
import type { ActivityDeps } from './deps';
import { registerModels } from './register-models';
import { refusing } from './failures';
import { withHeartbeats } from './unit/heartbeat';

/**
 * Writes the combined rows: all or nothing, and only once (I10). Which rows to write is read from the run's
 * own history, as any reader does: a list of hundreds of files would not fit in an argument (I7).
 */
export function commitRun(deps: ActivityDeps, task: CommitTask): Promise<CommitResult> {
  const context = Context.current();
  return withHeartbeats(context, () =>
    refusing(async () => {
      const { workflowId, runId } = context.info.workflowExecution!;
      const reader = new RunReader(new ServerRun(context.client, workflowId, runId));
      const record = await reader.record();
      const outcomes = await reader.outcomes(record);
      const stage = openStage(task.stage, task.stageToken);
      const all = Array.from({ length: record.plan!.partitions }, (_, ordinal) => ordinal);
      const isDone = (ordinal: number): boolean => outcomes.statusOf(ordinal) === 'DONE';
      const options = record.opened?.input.options?.warehouse;
      const { trusted = true } = record.opened ?? {};
      const allowed = trusted ? null : await allowedFiles(await deps.project());
      const problems = allowed === null ? [] : await outputProblems(task.output, deps.projectDir, allowed);
      if (problems.length > 0) throw new Refusal('OutputMismatch', problems);
      const confinement = allowed === null ? null : await confinementOf(allowed);
      const warehouse = openWarehouse(task.warehouse, deps.projectDir, { options, confinement });
      const locators = await readLocators(stage, task.runId);
      const self = { execution: task.execution, workflowRunId: runId };
      // enforces I10: without a lineage, the commits of earlier executions cannot be found.
      const lineage = lineageOf(locators, [self, ...(record.opened?.earlier ?? [])]);
      if (lineage === null)
        throw new Refusal('StageDamaged', [
          damagedLocators(stage, task.runId, locators.damaged, { overwritable: false }),
        ]);
      const { output } = task;
      if ('model' in output) {
        const signal = context.cancellationSignal;
        return orRerun(task.runId, () =>
          registerModels({ task: { ...task, output }, warehouse, reader, record, lineage, signal }),
        );
      }
      const index = await stage.localFile(task.index);
      return orRerun(task.runId, () =>
        withLocalRows(stage, outcomes.rowsFiles(record), (rows) =>
          warehouse.commit(task, {
            workflowRunId: runId,
            lineage,
            index,
            rows,
            // Includes partitions without an outcome, which were skipped before they were started.
            notDone: all.filter((ordinal) => !isDone(ordinal)),
            doneAfter: (execution) =>
              all.filter((ordinal) => isDone(ordinal) && outcomes.executionOf(ordinal)! > execution),
            signal: context.cancellationSignal,
            newestExecution: async () => (await readLocators(stage, task.runId)).newest,
          }),
        ),
      );
    }),
  );
}
