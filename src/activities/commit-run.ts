import { Context } from '@temporalio/activity';
import type { CommitResult, CommitTask } from '../run/plan';
import { openStage } from '../stage';
import { openWarehouse } from '../warehouse';
import type { ActivityDeps } from './deps';
import { refusing } from './failures';
import { withHeartbeats } from './heartbeat';

/** Writes the combined rows: everything or nothing, once (I10). */
export function commitRun(deps: ActivityDeps, task: CommitTask): Promise<CommitResult> {
  return withHeartbeats(Context.current(), () =>
    refusing(async () => {
      const stage = openStage(task.stage);
      const warehouse = openWarehouse(task.warehouse, deps.projectDir);
      const index = await stage.localFile(task.index);
      const rows: string[] = [];
      for (const file of task.files) rows.push(await stage.localFile(file));
      return warehouse.commit(task, { index, rows });
    }),
  );
}
