/**
 * Why a run is refused (I9): all problems together, each a sentence. Never retried; on the wire it is an
 * `ApplicationFailure` of the same type.
 */
export type RefusalType =
  | 'InvalidInput'
  | 'NotTrusted'
  | 'RunExists'
  | 'SourceMissing'
  | 'SourceEmpty'
  | 'SourceChanged'
  | 'SnapshotExpired'
  | 'TooManyPartitions'
  | 'WarehouseLocked'
  | 'StageUnreachable'
  | 'StageDamaged'
  | 'FileSystem'
  | 'ServiceRefused'
  | 'OutputMismatch';

export class Refusal extends Error {
  override name = 'Refusal';
  readonly nonRetryable = true;
  constructor(
    readonly type: RefusalType,
    readonly problems: readonly string[],
  ) {
    super(problemText(problems));
  }
}

/** More would not help anyone, and messages are stored in history. */
const MAX_PROBLEMS = 20;

/** A single problem unchanged, several as a list. */
export function problemText(problems: readonly string[]): string {
  if (problems.length === 1) return problems[0]!;
  const shown = problems.slice(0, MAX_PROBLEMS).map((problem) => `- ${problem}`);
  if (problems.length > MAX_PROBLEMS) shown.push(`- … and ${problems.length - MAX_PROBLEMS} more problems.`);
  return shown.join('\n');
}
