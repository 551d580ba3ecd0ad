import type { ErrorInfo } from './outcome';

/** What became of a step whose activity was completed with something that is not its result. */
export function notAResult(activity: string): ErrorInfo {
  return {
    type: 'NotAResult',
    message:
      `The activity ${activity} was completed with something that is not its result. Only Partwise's workers can complete it: ` +
      'it was completed by hand, or by another program.',
    stack: null,
  };
}
