/**
 * Errors of a unit's calls that are followed by another: for the outcomes of their partitions, and for the
 * next attempt. Calls that were lost with their worker leave none.
 */
import { earlierError, firstErrors, type EarlierError } from '../../core/earlier-errors';
import type { EndedOutcome, ErrorInfo } from '../../core/outcome';
import type { UnitBeat } from './heartbeat';

/** Partitions whose errors a heartbeat contains; the newest are kept. */
const MAX_PARTITIONS = 16;

export class UnitErrors {
  readonly #errors = new Map<number, EarlierError[]>();

  /** `before`: what the previous attempt left, which anyone who can write to the namespace may have sent. */
  constructor(before: UnitBeat['errors'] = {}) {
    for (const [ordinal, errors] of Object.entries(before))
      for (const error of errors) this.add(Number(ordinal), error.attempt, error);
  }

  add(ordinal: number, attempt: number, error: Omit<ErrorInfo, 'stack'>): void {
    this.#errors.set(ordinal, firstErrors(this.of(ordinal), [earlierError(attempt, error)]));
  }

  of(ordinal: number): EarlierError[] {
    return this.#errors.get(ordinal) ?? [];
  }

  /** The errors before the one that the partition ended with. */
  before({ ordinal, attempts, error }: Pick<EndedOutcome, 'ordinal' | 'attempts' | 'error'>): EarlierError[] {
    return this.of(ordinal).filter((each) => each.attempt !== attempts || each.type !== error?.type);
  }

  /** For the heartbeat: without the partitions that are `recorded`. */
  beat(recorded: ReadonlySet<number>): Pick<UnitBeat, 'errors'> {
    const open = [...this.#errors].filter(([ordinal]) => !recorded.has(ordinal));
    return { errors: open.length === 0 ? undefined : Object.fromEntries(open.slice(-MAX_PARTITIONS)) };
  }
}
