/** Keys of the memos that runs carry: what readers and attempts see of a workflow without its history. */

/** The function's name, so that listing runs needs no history. */
export const FUNCTION_MEMO = 'partwiseFunction';

/** Whether the run is paused (`true`, `false`; absent: never was). Set by the workflow, obeyed by attempts that wait and by batches. */
export const PAUSED_MEMO = 'partwisePaused';

/** The workflow type of runs. */
export const WORKFLOW_TYPE = 'partitionedRun';
