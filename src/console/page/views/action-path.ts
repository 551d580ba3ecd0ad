/** Route of an action on a run. */
export function actionPath(runId: string, action: string): string {
  return `runs/${encodeURIComponent(runId)}/actions/${action}`;
}
