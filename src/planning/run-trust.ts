/**
 * Determines who started a run, and so what its input may name. The embedded server's port has no
 * authentication, so its inputs must carry the proof of the project's owner. On a configured server,
 * Temporal's namespace is the trust boundary.
 */
import { resolve } from 'node:path';
import type { Context } from '@temporalio/activity';
import type { ProjectConfig } from '../config';
import type { NormalizedInput } from '../core/normalized-input';
import type { Reading } from '../reader/run-reader';
import { Refusal } from '../core/refusal';
import { recordedStart } from '../reader/recorded-start';
import type { ProjectSecret } from '../trust/secret';
import { isProven, PROOF_HEADER } from '../trust/start-proof';
import type { FunctionCatalog } from './function-catalog';

export type Starter =
  /** The owner of the worker: the input may contain a functions file, a command and any SQL. */
  | 'owner'
  /**
   * Anyone who reaches the port of `partwise dev --open`: the input may only refer to what belongs to the
   * project.
   */
  | 'anyone'
  /**
   * Anyone who may start workflows in the namespace of a deployed worker: the input may contain what the
   * worker's configuration allows.
   */
  | 'namespace';

/** How an embedded worker determines who started a run. */
export interface StartGate {
  secret: ProjectSecret;
  /** Whether to accept runs without a proof, as started by `anyone`. */
  open: boolean;
}

type GateDeps = { gate: StartGate | null; functions: FunctionCatalog };

/** Refuses a run without the proof that it needs. `raw` is the workflow's argument. */
export async function admit(deps: GateDeps, context: Context, raw: unknown): Promise<Starter> {
  if (deps.gate === null) return starterWithoutGate(deps);
  const { workflowId } = context.info.workflowExecution!;
  const { proof } = await recordedStart(context.client, context.info.workflowExecution!);
  const starter = starterAt(deps.gate, workflowId, raw, proof);
  // enforces I13: checked before anything that the input names is read.
  if (starter === null) throw new Refusal('NotTrusted', [unproven(workflowId, proof !== null)]);
  return starter;
}

/** Who started the run of this activity; null if they were not allowed to. */
export async function starterOf(deps: GateDeps, context: Context): Promise<Starter | null> {
  if (deps.gate === null) return starterWithoutGate(deps);
  const { proof, input } = await recordedStart(context.client, context.info.workflowExecution!);
  return starterAt(deps.gate, context.info.workflowExecution!.workflowId, await input(), proof);
}

/** Added to the problems of a continuation whose original input cannot be verified. */
export const NOT_VERIFIED =
  "The run's original input carries no proof of the project's owner (it came through partwise dev --open or from an earlier release, or the secret was lost), so it is not trusted. Start a new run to use it.";

/**
 * Who a continuation's input comes from: settings that it does not contain come from the earlier execution.
 * That execution was read with the project's secret, so it is verified unless it was recorded before the
 * secret existed or comes from an archive.
 */
export function starterOfContinuation(
  { gate }: Pick<GateDeps, 'gate'>,
  starter: Starter,
  { record, state }: Pick<Reading, 'record' | 'state'>,
): Starter {
  if (gate === null || starter !== 'owner') return starter;
  // enforces I13: the owner's proof covers only this input, not the earlier one.
  const isVerified = !state.archived && Date.parse(record.startedAt ?? '') >= gate.secret.createdAt;
  return isVerified && record.opened?.trusted === true ? starter : 'anyone';
}

function starterWithoutGate({ functions }: GateDeps): Starter {
  return functions.reloads ? 'owner' : 'namespace';
}

function starterAt(gate: StartGate, runId: string, input: unknown, proof: unknown): Starter | null {
  if (isProven(gate.secret, runId, input, proof)) return 'owner';
  return gate.open ? 'anyone' : null;
}

/**
 * Whether this starter's input may determine what is executed: a functions file, a command, a URL, any SQL.
 */
export function isTrusted(starter: Starter): boolean {
  return starter === 'owner';
}

/** Why the input may not use these functions files or this interpreter; none if it may. */
export function codeProblems(
  starter: Starter,
  { functions, python }: Pick<NormalizedInput, 'functions' | 'python'>,
  project: ProjectConfig,
): string[] {
  if (isTrusted(starter)) return [];
  const rule =
    starter === 'namespace'
      ? 'a deployed worker runs the code it was deployed with'
      : "a run without the proof of the project's owner may use only the project's own functions";
  const foreign = (functions ?? []).filter(
    (file) => !project.functions.includes(resolve(project.projectDir, file)),
  );
  return [
    ...foreign.map((file) => `"functions" is "${file}", but ${rule}: leave it out.`),
    ...(python === null ? [] : [`"python" is "${python}", but ${rule}: leave it out.`]),
  ];
}

function unproven(runId: string, hasHeader: boolean): string {
  const why = hasHeader
    ? `its header "${PROOF_HEADER}" was made for another run id, for another input, or with a secret other than the project's (.partwise/secret.json)`
    : `it has no header "${PROOF_HEADER}"`;
  return (
    `The run "${runId}" was not started: ${why}, so anyone on this machine may have sent it. ` +
    "Start it with partwise run, partwise retry or Partwise.start in the project's folder; recreate schedules made with an earlier release. " +
    "If .partwise/secret.json was removed or replaced while the project's background process was running, stop that first: its process id is in .partwise/host.json. " +
    "For Temporal's own tools, partwise dev prints a line with the header, and partwise dev --open accepts runs without it."
  );
}
