/**
 * Why a run is refused (I9): every problem at once, each a sentence. Never retried; on the wire it is an
 * `ApplicationFailure` of the same type.
 */
export type RefusalType =
  | 'InvalidInput'
  | 'RunExists'
  | 'SourceMissing'
  | 'SourceEmpty'
  | 'SourceChanged'
  | 'TooManyPartitions'
  | 'WarehouseLocked'
  | 'StageUnreachable'
  | 'OutputMismatch';

export class Refusal extends Error {
  override name = 'Refusal';
  constructor(
    readonly type: RefusalType,
    readonly problems: readonly string[],
  ) {
    super(problems.length === 1 ? problems[0] : problems.map((problem) => `- ${problem}`).join('\n'));
  }
}
